"""A shard that is tried again and again in one run folder, by engines that die."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError
from longriver.engine.version import Version
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.attempt import Attempt, LostDocuments
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.job import Job, Reader
from longriver.pipeline.plan import Plan
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Counts, FileEntry
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.scan import plan_sources
from longriver.pipeline.shard import Shard
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.snapshots import ShardSnapshots
from tests.checkpoints import network_of, random_rwkv
from tests.engine.reading import engine_of
from tests.fakes import DyingEngine, Killed

EVERY, STEP = 1024, 512
JOB = ScoreJob(ScoreConfig(segment_tokens=100, token_ids=True, token_nll=True))


def text_of(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(97, 123, size, np.uint8).tobytes()


@cache
def engine_for(version: Version = Version.V7) -> Engine:
    tensors = random_rwkv(version, num_layers=1, num_heads=1, head_size=16, ranks=(4, 4, 4, 4))
    return engine_of(network_of(tensors), num_slots=3, tokens_per_step=STEP)


@dataclass(frozen=True)
class Outcome:
    """What a finished attempt would commit."""

    files: list[tuple[str, int, str]]
    counts: Counts
    sums: dict[str, float]
    progress: Progress


@dataclass
class Lab:
    """A shard that is tried again and again in one run folder."""

    data: DataConfig
    folder: RunFolder
    job: Job = JOB
    broken: dict[int, DocumentError] = field(default_factory=dict)

    @property
    def shard(self) -> Shard:
        plan: Plan = plan_sources(self.data)
        [shard] = plan.shards
        return shard

    def snapshots(self, sink: ShardSink) -> ShardSnapshots:
        return ShardSnapshots(self.folder, self.shard.name, sink.attempt, self.job.tables, EVERY)

    def attempt(self, engine: Reader) -> Outcome:
        """One attempt that goes on from what others have left."""
        sink = ShardSink(self.folder, self.shard.name, self.job.tables, {})
        heard: list[Progress] = [Progress()]
        snapshots = self.snapshots(sink)
        attempt = Attempt(engine, self.job, sink, self.broken, heard.append, snapshots)
        try:
            attempt.run(read_documents(self.shard, self.data))
        except LostDocuments as lost:
            sink.abort()
            self.broken |= lost.errors
            return self.attempt(engine)
        return _outcome(attempt, sink.close(), heard[-1])

    def undisturbed(self, engine: Reader) -> Outcome:
        """What comes out where no snapshot is ever taken."""
        folder = RunFolder.open(f"memory://undisturbed/{uuid4().hex}")
        broken: dict[int, DocumentError] = {}
        while True:
            sink = ShardSink(folder, self.shard.name, self.job.tables, {})
            heard: list[Progress] = [Progress()]
            attempt = Attempt(engine, self.job, sink, broken, heard.append)
            try:
                attempt.run(read_documents(self.shard, self.data))
            except LostDocuments as lost:
                broken |= lost.errors
            else:
                return _outcome(attempt, sink.close(), heard[-1])

    def die(self, engine: Reader, num_results: int) -> int:
        """An attempt that is killed; returns the tokens that it read."""
        dying = DyingEngine(engine, num_results)
        with pytest.raises(Killed):
            self.attempt(dying)
        return dying.num_tokens

    def finish(self, engine: Reader) -> tuple[Outcome, int]:
        """The last attempt, and the tokens that it read."""
        counting = DyingEngine(engine)
        return self.attempt(counting), counting.num_tokens

    def files(self, ending: str = "") -> list[str]:
        found = self.folder.fs.find(self.folder.path("snapshots"))
        return sorted(path for path in found if path.endswith(ending))


def _outcome(attempt: Attempt, files: list[FileEntry], progress: Progress) -> Outcome:
    named = [(entry.table, entry.num_rows, entry.sha256) for entry in files]
    return Outcome(named, attempt.counts, attempt.sums, progress)


def write(folder: Path, texts: list[bytes]) -> DataConfig:
    """One shard of plain texts."""
    (folder / "texts").mkdir()
    for index, text in enumerate(texts):
        (folder / "texts" / f"{index}.txt").write_bytes(text)
    return DataConfig(path=str(folder / "texts"), shard_bytes=1 << 30)
