"""A small corpus with every kind of trouble, and the command that reads it with forked workers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.engine.version import Version
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.dispatcher import Limits
from longriver.pipeline.drain import Drain
from longriver.pipeline.foreman import Foreman, Staff
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import Worker, WorkerShell, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt
from tests.checkpoints import random_rwkv, saved
from tests.fakes import FakeEngine
from tests.orders import SENTENCE, file_hashes
from tests.pipeline.faults.fork_crew import ForkCrew
from tests.pipeline.faults.points import Points

LONG_BYTES = 5000
SNAPSHOT_TOKENS = 1024


def write_corpus(folder: Path) -> Path:
    """Three shards: Parquet with a null and groups, a document with snapshots, bad JSON."""
    folder.mkdir()
    saved(random_rwkv(Version.V7, num_layers=1, num_heads=1), folder.parent / "tiny.pth")
    texts = [SENTENCE * n if n != 2 else None for n in range(5)]
    pq.write_table(pa.table({"text": texts}), folder / "a.parquet")
    (folder / "b.txt").write_bytes((SENTENCE.encode() * LONG_BYTES)[:LONG_BYTES])
    lines = [json.dumps({"text": SENTENCE}), "{broken", json.dumps({"text": ""})]
    (folder / "c.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def order_of(corpus: Path, run_path: Path) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"path": str(corpus.parent / "tiny.pth")},
            "data": {"path": str(corpus), "shard_bytes": 4000},
            "output": {"path": str(run_path), "snapshot_tokens": SNAPSHOT_TOKENS},
            "engine": {"device": "cpu", "num_threads": 1},
            "job": {"segment_tokens": 16},
        }
    )


NO_LIMITS = Limits(hang_s=None, max_convicted=20)


class FakeShell(WorkerShell):
    """A worker's shell whose engine takes no time to load."""

    def load(self) -> tuple[str, float]:
        self.worker = Worker(FakeEngine(chunk_tokens=300), self.spec)
        return self.node(), 0.0


@dataclass
class ForkWorkforce:
    """A foreman with forked workers."""

    points: Points
    drain: Drain
    num_workers: int = 1
    limits: Limits = NO_LIMITS
    new_shell: Callable[[WorkerSpec], WorkerShell] = FakeShell
    has_gpu: bool = False

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        self.crew = ForkCrew(lambda: self.new_shell(spec), self.points)
        self.foreman = Foreman(
            self.crew,
            RunFolder.open(spec.output_path, spec.output_options),
            Staff(1, self.num_workers),
            self.limits,
            self.drain,
        )
        self.foreman.start(num_shards)

    def work(self, shards: list[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        self.foreman.work(shards, on_receipt, on_progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if hasattr(self, "crew"):
            self.crew.dismiss_all()


def carry_out(
    config: RunConfig, points: Points, num_workers: int = 1, limits: Limits = NO_LIMITS
) -> None:
    """The command, in this process."""
    run(
        config,
        SilentReporter(),
        lambda _, drain: ForkWorkforce(points, drain, num_workers, limits),
    )


def results(run_path: Path) -> tuple[object, bytes]:
    """All that two equal runs have in common."""
    return file_hashes(run_path), (run_path / "summary.json").read_bytes()
