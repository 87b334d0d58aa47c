"""The pipeline alone: an engine that answers at once, the driver's own time, and big plans."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.wants import NLL, Wants
from longriver.pipeline.attempt import OnProgress
from longriver.pipeline.lease import Lease
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.summary import summarize
from longriver.pipeline.worker import Worker, WorkerSpec
from tests.bench.engines import LONG
from tests.bench.peak import peak_of_plan
from tests.bench.session import Bench
from tests.fakes import FakeEngine, FakeWorkforce
from tests.orders import begin, order_of

PIPELINE = "Pipeline with a null engine"
TEXT, TEXT_TOKENS = "The river is long, and what it carries it carries to the sea. " * 13, 200
"""806 bytes, which the World vocabulary would make about so many tokens of."""

TOKEN_BYTES = 4
SEGMENT_TOKENS = 1024
MOST_TOKENS = 512
"""Of a chunk, as in a step of the engine."""


class NullEngine(FakeEngine):
    """Reads one document after the other, four bytes a token; all cost nothing, at once."""

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> Sequence:
        stream = ByteTokenizer().stream()

        def pieces() -> Iterator[Tokens]:
            for chunk in chunks:
                tokens = stream.feed(chunk)
                yield tokens[(len(tokens) - 1) % TOKEN_BYTES :: TOKEN_BYTES]

        return Sequence(key, pieces(), 0)

    def run(
        self, sequences: Iterator[Sequence | None], wants: Wants = NLL
    ) -> Iterator[ScoredChunk]:
        for sequence in sequences:
            assert sequence is not None
            while ready := sequence.fill(MOST_TOKENS):
                chunk = sequence.take(ready)
                nll = np.zeros(ready, np.float32)
                yield ScoredChunk(sequence, chunk.tokens, nll, chunk.is_last)


class TimedWorker(Worker):
    """Knows the seconds that it spent on shards."""

    seconds = 0.0

    def run_shard(self, lease: Lease, on_progress: OnProgress) -> Receipt:
        began_s = time.perf_counter()
        receipt = super().run_shard(lease, on_progress)
        self.seconds += time.perf_counter() - began_s
        return receipt


class NullWorkforce(FakeWorkforce):
    """One timed worker with a null engine."""

    worker: TimedWorker

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        self.worker = TimedWorker(NullEngine(), spec)


@dataclass(frozen=True, slots=True)
class Run:
    """From plan to summary; ``worker_s`` of it the worker spent on shards."""

    whole_s: float
    worker_s: float
    num_shards: int

    @property
    def driver_ms(self) -> float:
        return 1000 * (self.whole_s - self.worker_s) / self.num_shards


def measure_null_pipeline(bench: Bench) -> None:
    """Documents a second where shards are full, and what the driver adds to a shard."""
    count, few = bench.scale.null_documents, bench.scale.null_rows
    runs = _rounds(bench, _source(bench.folder / "many.parquet", count), "auto")
    rates = [count / run.worker_s for run in runs]
    bench.note(PIPELINE, "short documents in a worker", "documents/s", *rates)
    _note_share(bench, [run.whole_s / count for run in runs])
    runs = _rounds(bench, _source(bench.folder / "few.parquet", few), 1)
    driver_ms = [run.driver_ms for run in runs]
    bench.note(PIPELINE, "driver, plan and summary too", "ms a shard", *driver_ms)


def _note_share(bench: Bench, document_s: list[float]) -> None:
    """How much of the time the pipeline would take around the first network that was measured."""
    row = next((row for row in bench.report.rows if row.name == LONG), None)
    if row is not None:
        network_s = TEXT_TOKENS / row.tokens_per_s
        shares = [seconds / (seconds + network_s) for seconds in document_s]
        bench.note(PIPELINE, f"share of the time beside {row.section}", "", *shares)


def measure_plans(bench: Bench) -> None:
    """Seconds and memory of planning many rows, as they are and joined to documents by id."""
    rows = bench.scale.plan_rows
    source, section = _source(bench.folder / "rows.parquet", rows), f"Plan of {rows:,} rows"
    for name, part_column in (("Parquet", None), ("Parquet, part_column", "part")):
        seconds, peak_mb = peak_of_plan(source, part_column)
        bench.note(section, name, "s", seconds)
        bench.note(section, f"{name}, peak", "MB", peak_mb)
    source.unlink()


def _rounds(bench: Bench, source: Path, shard_bytes: int | str) -> list[Run]:
    """Runs after a first one that is not counted."""
    numbers = range(bench.scale.rounds + 1)
    folders = [bench.folder / f"{source.stem}-{number}" for number in numbers]
    return [_run(source, folder, shard_bytes) for folder in folders][1:]


def _run(source: Path, folder: Path, shard_bytes: int | str) -> Run:
    parts: dict[str, dict[str, object]] = {
        "data": {"shard_bytes": shard_bytes},
        "job": {"segment_tokens": SEGMENT_TOKENS},
    }
    config = order_of(source, folder, **parts)
    began_s = time.perf_counter()
    session, spec = begin(config)
    workforce = NullWorkforce()
    session.work(workforce, spec, SilentReporter())
    summarize(session.folder, session.check_whole(config.data).values(), ())
    whole_s = time.perf_counter() - began_s
    return Run(whole_s, workforce.worker.seconds, len(session.plan.shards))


def _source(path: Path, num_rows: int) -> Path:
    """Rows of ``TEXT`` with an id each, as one row group of a Parquet file."""
    columns = {"id": range(num_rows), "part": [0] * num_rows, "text": [TEXT] * num_rows}
    pq.write_table(pa.table(columns), path, row_group_size=num_rows)
    return path
