"""One engine that does shards, in this process or in a Ray actor."""

import os
import platform
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from longriver.engine.checkpoint import Fingerprints
from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError, OrderError
from longriver.engine.inspection import flops_per_token
from longriver.engine.weights import fingerprint
from longriver.pipeline.attempt import Attempt, LostDocuments, OnProgress
from longriver.pipeline.care import Care
from longriver.pipeline.crew import Pulse
from longriver.pipeline.crumbs import REASON, Crumbs, Trail
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_pieces, without_pieces
from longriver.pipeline.drain import Drain, Dropped
from longriver.pipeline.driver_lock import Commits
from longriver.pipeline.job import Job, Reader
from longriver.pipeline.lease import Lease
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.model_files import fetched
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.snapshots import ShardSnapshots
from longriver.pipeline.storage_options import StorageOptions

PIECE_KILLS = f"{REASON}: workers that passed over a document of it that kills died too"
SLOWEST_FLOPS = 1e9
"""Operations a second of a machine so slow that nobody would use it."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker needs to know; small and picklable.

    metadata:     what every result file says of its origin.
    fingerprints: of what the driver judged; a worker's copies must be the same.
    snapshot_tokens: tokens of a document between two snapshots of it; None: none are taken.
    output_options: what the run folder's storage has to be told.
    commits:      who creates the ledger's entries.
    """

    model: ModelConfig
    engine: EngineConfig
    data: DataConfig
    output_path: str
    job: Job
    metadata: dict[str, str]
    fingerprints: Fingerprints
    snapshot_tokens: int | None = None
    output_options: StorageOptions = field(default_factory=dict)
    commits: Commits = "worker"


class Worker:
    """Does shards one after the other; the engine is loaded once.

    Args:
        slow_step_s: seconds that a step takes on a machine so slow that nobody would use it.
    """

    def __init__(self, engine: Reader, spec: WorkerSpec, slow_step_s: float = 0.0) -> None:
        self.engine, self.spec, self.slow_step_s = engine, spec, slow_step_s
        self.folder = RunFolder.open(spec.output_path, spec.output_options)
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
        engine.warm_up()
        step_flops = flops_per_token(engine.network) * engine.settings.tokens_per_step
        return Worker(engine, spec, step_flops / SLOWEST_FLOPS)

    def run_shard(self, lease: Lease, on_progress: OnProgress) -> Receipt:
        """Does a shard and commits it; returns the receipt that is in the ledger.

        One that is committed already, perhaps by a worker that died before it could say so, is
        not done again.
        """
        name = lease.shard.name
        crumbs = Crumbs(self.folder, name)
        if self.folder.exists(self.ledger.path(name)):
            crumbs.clear()
            return self.ledger.read(name)
        verdict = crumbs.verdict(lease.rivals)
        shard = without_pieces(lease.shard, verdict.unreadable, PIECE_KILLS)
        with Trail(crumbs, lease.name) as trail:
            receipt = self._do(shard, Care(verdict, trail), on_progress)
        crumbs.clear()
        return receipt

    def _do(self, shard: Shard, care: Care, on_progress: OnProgress) -> Receipt:
        broken: dict[int, DocumentError] = {}
        while True:
            try:
                return self._attempt(shard, care, broken, on_progress)
            except LostDocuments as lost:
                broken |= lost.errors

    def _attempt(
        self, shard: Shard, care: Care, broken: dict[int, DocumentError], on_progress: OnProgress
    ) -> Receipt:
        began = time.monotonic()
        job = self.spec.job
        sink = ShardSink(self.folder, shard.name, job.tables, self.spec.metadata)
        snapshots = self._snapshots(shard, sink, care)
        attempt = Attempt(self.engine, job, sink, broken, on_progress, snapshots)
        try:
            attempt.run(care.guard(read_pieces(shard, self.spec.data), attempt.opened))
            receipt = self._receipt(shard, sink, attempt, began)
        except BaseException:
            sink.abort()
            raise
        receipt = self._commit(receipt, sink)
        if snapshots is not None:
            snapshots.remove()
        return receipt

    def _snapshots(self, shard: Shard, sink: ShardSink, care: Care) -> ShardSnapshots | None:
        every, tables = self.spec.snapshot_tokens, self.spec.job.tables
        if every is None:
            return None
        attempt, on_saved = sink.attempt, care.has_got_on
        return ShardSnapshots(self.folder, shard.name, attempt, tables, every, on_saved)

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
        """The first exclusive create wins; who comes second takes its files away again.

        Where the storage has no such thing, the receipt goes to the driver uncommitted.
        """
        if self.spec.commits == "driver" or self.ledger.commit(receipt):
            return receipt
        sink.abort()
        return self.ledger.read(receipt.shard)


def _check_folder(spec: WorkerSpec) -> None:
    """On another machine the same path can be another disk, where nobody would find the results."""
    started = RunFolder.open(spec.output_path, spec.output_options).started_order()
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
    """What a Ray actor is made of: a worker, and what can be asked of it while it is at work.

    A SIGTERM, with which clouds and schedulers take a machine back, ends the work behind the
    step that it is at.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self.drain = Drain()
        self.dropped: set[str] = set()
        self.so_far, self.num_beats = Progress(), 0
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: self.drain.ask())

    def node(self) -> str:
        """Names the machine."""
        return platform.node()

    def load(self) -> tuple[str, float]:
        """Loads the engine; kept out of the constructor so that an error arrives as itself.

        Returns:
            The machine, and for how many seconds the first step may stand still.
        """
        self.worker = Worker.build(self.spec)
        return self.node(), self.worker.slow_step_s

    def run_shard(self, lease: Lease) -> Receipt | None:
        """The receipt, None for a lease that was dropped.

        Raises:
            Drained: the worker was asked to leave.
        """

        def step(progress: Progress) -> None:
            self.so_far, self.num_beats = progress, self.num_beats + 1
            self.drain.check()
            if lease.name in self.dropped:
                raise Dropped

        self.drain.check()
        try:
            return None if lease.name in self.dropped else self.worker.run_shard(lease, step)
        except Dropped:
            return None
        finally:
            self.so_far = Progress()

    def pulse(self) -> Pulse:
        """What the shard in hand has come to; answered while it is being worked on."""
        return Pulse(self.so_far, self.num_beats)

    def drop(self, lease_name: str) -> None:
        self.dropped.add(lease_name)

    def leave(self) -> None:
        self.drain.ask()
