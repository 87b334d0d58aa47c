"""One engine that does shards, in this process or in a Ray actor."""

import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError, WeightsError
from longriver.engine.weights import fingerprint
from longriver.pipeline.attempt import Attempt, LostDocument, OnProgress
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.job import Job
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.sink import ShardSink


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker needs to know; small and picklable.

    metadata:     what every result file says of its origin.
    model_sha256: of the checkpoint that the driver judged; a worker's copy must be the same.
    """

    model: ModelConfig
    engine: EngineConfig
    data: DataConfig
    output_path: str
    job: Job
    metadata: dict[str, str]
    model_sha256: str


class Worker:
    """Does shards one after the other; the engine is loaded once."""

    def __init__(self, engine: Engine, spec: WorkerSpec) -> None:
        self.engine, self.spec = engine, spec
        self.folder = RunFolder.open(spec.output_path)
        self.name = f"{platform.node()}:{os.getpid()}"

    @staticmethod
    def build(spec: WorkerSpec) -> "Worker":
        """Loads the engine.

        Raises:
            WeightsError: the checkpoint is not the one that the driver saw.
        """
        found = fingerprint(spec.model.path)
        if found != spec.model_sha256:
            raise WeightsError(
                f"model.path={spec.model.path} on {platform.node()} is another file than the "
                f"driver's (sha256 {found[:16]}…, not {spec.model_sha256[:16]}…); copy the same one"
            )
        return Worker(Engine.from_config(spec.model, spec.engine), spec)

    def run_shard(self, shard: Shard, on_progress: OnProgress) -> Receipt:
        """Does a shard and commits it; returns the receipt that is in the ledger."""
        broken: dict[int, DocumentError] = {}
        while True:
            try:
                return self._attempt(shard, broken, on_progress)
            except LostDocument as lost:
                broken[lost.index] = lost.error

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
        ledger = Ledger(self.folder)
        if ledger.commit(receipt):
            return receipt
        sink.abort()
        return ledger.read(receipt.shard)


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
