"""One engine that does shards, in this process or in a Ray actor."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from longriver.engine.checkpoint import Fingerprints
from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError, OrderError
from longriver.engine.weights import fingerprint
from longriver.pipeline.attempt import Attempt, LostDocuments, OnProgress, Reader
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.job import Job
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.model_files import fetched
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.sink import ShardSink


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker needs to know; small and picklable.

    metadata:     what every result file says of its origin.
    fingerprints: of what the driver judged; a worker's copies must be the same.
    """

    model: ModelConfig
    engine: EngineConfig
    data: DataConfig
    output_path: str
    job: Job
    metadata: dict[str, str]
    fingerprints: Fingerprints


class Worker:
    """Does shards one after the other; the engine is loaded once."""

    def __init__(self, engine: Reader, spec: WorkerSpec) -> None:
        self.engine, self.spec = engine, spec
        self.folder = RunFolder.open(spec.output_path)
        self.ledger = Ledger(self.folder)
        self.name = f"{platform.node()}:{os.getpid()}"

    @staticmethod
    def build(spec: WorkerSpec) -> "Worker":
        """Loads the engine.

        Raises:
            OrderError: the run folder or the checkpoint is not the one that the driver saw.
        """
        _check_folder(spec)
        model = fetched(spec.model)
        _check("model.path", spec.model.path, fingerprint(model), spec.fingerprints.model)
        engine = Engine.from_config(model, spec.engine)
        vocab = spec.model.vocab or engine.tokenizer.name
        found = engine.tokenizer.fingerprint
        _check("model.vocab", vocab, found, spec.fingerprints.tokenizer)
        return Worker(engine, spec)

    def run_shard(self, shard: Shard, on_progress: OnProgress) -> Receipt:
        """Does a shard and commits it; returns the receipt that is in the ledger.

        One that is committed already, perhaps by a worker that died before it could say so, is
        not done again.
        """
        if self.folder.exists(self.ledger.path(shard.name)):
            return self.ledger.read(shard.name)
        broken: dict[int, DocumentError] = {}
        while True:
            try:
                return self._attempt(shard, broken, on_progress)
            except LostDocuments as lost:
                broken |= lost.errors

    def _attempt(
        self, shard: Shard, broken: dict[int, DocumentError], on_progress: OnProgress
    ) -> Receipt:
        began = time.monotonic()
        job = self.spec.job
        sink = ShardSink(self.folder, shard.name, job.tables, self.spec.metadata)
        attempt = Attempt(self.engine, job, sink, broken, on_progress)
        try:
            attempt.run(read_documents(shard, self.spec.data))
            receipt = self._receipt(shard, sink, attempt, began)
        except BaseException:
            sink.abort()
            raise
        return self._commit(receipt, sink)

    def _receipt(self, shard: Shard, sink: ShardSink, attempt: Attempt, began: float) -> Receipt:
        return Receipt(
            shard=shard.name,
            attempt=sink.attempt,
            files=tuple(sink.close()),
            counts=attempt.counts,
            sums=attempt.sums,
            worker=self.name,
            seconds=round(time.monotonic() - began, 3),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _commit(self, receipt: Receipt, sink: ShardSink) -> Receipt:
        """The first exclusive create wins; who comes second takes its files away again."""
        if self.ledger.commit(receipt):
            return receipt
        sink.abort()
        return self.ledger.read(receipt.shard)


def _check_folder(spec: WorkerSpec) -> None:
    """On another machine the same path can be another disk, where nobody would find the results."""
    started = RunFolder.open(spec.output_path).started_order()
    if started is None or not _is_same_origin(started.metadata, spec.metadata):
        raise OrderError(
            f"output.path={spec.output_path} on {platform.node()} is not the driver's run folder; "
            "put it where all machines see the same files: a network drive or an object store"
        )


def _is_same_origin(found: Mapping[str, str], expected: Mapping[str, str]) -> bool:
    """Whether both are of one order; which longriver says so does not count."""
    return all(found[key] == expected.get(key) for key in found if key != "longriver.version")


def _check(key: str, value: str, found: str, expected: str) -> None:
    if found != expected:
        raise OrderError(
            f"{key}={value} on {platform.node()} is not the one that the order was judged by "
            f"(sha256:{found[:16]}…, not sha256:{expected[:16]}…); give all machines the same one"
        )


class WorkerShell:
    """What a Ray actor is made of: a worker, and a look at how far it is."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec, self.so_far = spec, Progress()

    def load(self) -> None:
        """Loads the engine; kept out of the constructor so that an error arrives as itself."""
        self.worker = Worker.build(self.spec)

    def run_shard(self, shard: Shard) -> Receipt:
        try:
            return self.worker.run_shard(shard, self._keep)
        finally:
            self.so_far = Progress()

    def progress(self) -> Progress:
        """What the shard in hand has come to; answered while it is being worked on."""
        return self.so_far

    def _keep(self, progress: Progress) -> None:
        self.so_far = progress
