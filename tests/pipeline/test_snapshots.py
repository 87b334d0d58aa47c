"""A document goes on from its newest snapshot, and nobody can tell from the tables."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.reading import Result
from longriver.engine.sequence import Sequence
from longriver.engine.version import Version
from longriver.engine.wants import NLL, Wants
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.attempt import Attempt
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.job import Reader
from longriver.pipeline.lease import Lease
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Counts
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.worker import Worker
from tests.fakes import DyingEngine, FakeEngine
from tests.orders import assert_whole, begin, order_of
from tests.pipeline.lab import EVERY, JOB, STEP, Lab, Outcome, engine_for, text_of, write


@pytest.fixture
def lab(tmp_path: Path, run_url: str) -> Lab:
    """A long document between short ones."""
    texts = [b"a short one", text_of(6_000), b"", text_of(700, seed=1)]
    return Lab(write(tmp_path, texts), RunFolder.open(run_url))


def num_results(lab: Lab, engine: Reader) -> int:
    found: list[Progress] = []
    sink = ShardSink(RunFolder.open(f"memory://n/{uuid4().hex}"), "000000", JOB.tables, {})
    Attempt(engine, JOB, sink, {}, found.append).run(read_documents(lab.shard, lab.data))
    return len(found)


def test_wherever_a_worker_is_killed_the_tables_are_the_same_bytes(lab: Lab) -> None:
    engine = engine_for()
    whole = lab.undisturbed(engine)
    total = whole.counts.num_tokens
    for number in range(num_results(lab, engine)):
        lab.folder = RunFolder.open(f"{lab.folder.url}-{number}")
        read = lab.die(engine, number)
        outcome, again = lab.finish(engine)
        assert outcome == whole
        assert read + again <= total + EVERY + STEP + 711


@pytest.mark.slow
def test_a_longer_document_killed_at_every_result(tmp_path: Path) -> None:
    lab = Lab(write(tmp_path, [text_of(16_000)]), RunFolder.open(f"memory://{uuid4().hex}"))
    test_wherever_a_worker_is_killed_the_tables_are_the_same_bytes(lab)


def test_a_worker_that_dies_again_and_again_gets_there(lab: Lab) -> None:
    engine = engine_for()
    died = sum(lab.die(engine, 7) for _ in range(3))
    outcome, last = lab.finish(engine)
    assert outcome == lab.undisturbed(engine)
    assert died + last <= outcome.counts.num_tokens + 3 * (EVERY + STEP + 711)


@pytest.mark.parametrize("version", list(Version))
def test_every_version_goes_on_to_the_bit(version: Version, local: Lab) -> None:
    engine = engine_for(version)
    local.die(engine, 13)
    outcome, read = local.finish(engine)
    assert outcome == local.undisturbed(engine)
    assert read == 8_000 - 6 * EVERY


def test_only_the_last_two_snapshots_and_all_rows_are_kept(local: Lab) -> None:
    local.die(engine_for(), 13)
    assert [Path(path).name[:19] for path in local.files(".json")] == [
        "000000-000000005120",
        "000000-000000006144",
    ]
    assert len(local.files(".safetensors")) == 2
    assert len(local.files(".parquet")) == 6


def test_short_documents_leave_no_trace(tmp_path: Path) -> None:
    texts = [text_of(size) for size in (0, 5, EVERY - 1, EVERY)]
    lab = Lab(write(tmp_path, texts), RunFolder.open(str(tmp_path / "run")))
    lab.attempt(engine_for())
    assert not lab.files()
    assert not (tmp_path / "run" / "snapshots").exists()


def test_compressed_texts_are_read_over(tmp_path: Path) -> None:
    (tmp_path / "long.txt.gz").write_bytes(gzip.compress(text_of(8_000)))
    lab = Lab(DataConfig(path=str(tmp_path / "long.txt.gz")), RunFolder.open("memory://gz"))
    lab.die(engine_for(), 13)
    outcome, read = lab.finish(engine_for())
    assert outcome == lab.undisturbed(engine_for())
    assert read == 8_000 - 6 * EVERY


def test_documents_of_many_rows_keep_count_of_them(tmp_path: Path) -> None:
    texts = ["first", *(text_of(900, seed=i).decode() for i in range(9)), "last"]
    ids = ["a", *["b"] * 9, "c"]
    table = pa.table({"text": texts, "id": ids, "part": [0, *range(9), 0]})
    pq.write_table(table, tmp_path / "parts.parquet", row_group_size=2)
    data = DataConfig(
        path=str(tmp_path / "parts.parquet"),
        id_column="id",
        part_column="part",
        shard_bytes=1 << 30,
    )
    lab = Lab(data, RunFolder.open(f"memory://parts/{uuid4().hex}"))
    whole = lab.undisturbed(engine_for())
    assert whole.counts.num_rows_in == 11
    for number in (5, 9, 14):
        lab.folder = RunFolder.open(f"memory://parts/{uuid4().hex}")
        lab.die(engine_for(), number)
        lab_outcome, _ = lab.finish(engine_for())
        assert lab_outcome == whole


def test_a_document_that_breaks_behind_a_snapshot_is_a_dead_letter(tmp_path: Path) -> None:
    bad = text_of(6_000) + b"!" + text_of(500)
    lab = Lab(
        write(tmp_path, [bad, text_of(5_000)]),
        RunFolder.open(str(tmp_path / "run")),
    )
    engine = FakeEngine(num_slots=2, chunk_tokens=300, bad_token=ord("!"))
    lab.die(engine, 25)
    assert lab.files(".json")
    outcome, _ = lab.finish(engine)
    assert outcome.counts == Counts(2, 1, 1, 1, 5_000)
    assert list(lab.broken) == [0]
    assert outcome.files == lab.undisturbed(engine).files


def test_the_rest_goes_on_where_it_was_when_another_document_breaks(tmp_path: Path) -> None:
    texts = [text_of(3_000) + b"!", text_of(9_000)]
    lab = Lab(write(tmp_path, texts), RunFolder.open(str(tmp_path / "run")))
    engine = DyingEngine(FakeEngine(num_slots=1, chunk_tokens=256, bad_token=ord("!")))
    outcome = lab.attempt(engine)
    assert outcome == lab.undisturbed(engine.inside)
    assert engine.num_tokens < 3_000 + 9_000 + EVERY


@pytest.mark.parametrize("segment_tokens", [1, 7, 5_000, 1_000_000])
def test_segments_shorter_and_longer_than_the_interval_come_back(
    segment_tokens: int, local: Lab
) -> None:
    local.job = ScoreJob(ScoreConfig(segment_tokens=segment_tokens, token_nll=True))
    local.die(engine_for(), 13)
    outcome, read = local.finish(engine_for())
    assert outcome == local.undisturbed(engine_for())
    assert read == 8_000 - 6 * EVERY


def test_a_chunk_of_text_much_longer_than_a_step_is_gone_on_within(tmp_path: Path) -> None:
    lab = Lab(write(tmp_path, [text_of(300_000)]), RunFolder.open(str(tmp_path / "run")))
    engine = FakeEngine(num_slots=1, chunk_tokens=4_096)
    for number in (1, 20, 41, 2):
        lab.die(engine, number)
    assert lab.attempt(engine) == lab.undisturbed(engine)


def test_two_attempts_at_once_do_not_disturb_each_other(local: Lab) -> None:
    zombies: list[Outcome] = []

    class Rivalled(DyingEngine):
        """While this engine reads, another attempt at the same shard does all of it."""

        def run(self, sequences: Iterator[Sequence | None], wants: Wants = NLL) -> Iterator[Result]:
            for number, result in enumerate(self.inside.run(sequences, wants)):
                if number == 5:
                    zombies.append(local.attempt(engine_for()))
                yield result

    outcome = local.attempt(Rivalled(engine_for()))
    assert zombies == [outcome] == [local.undisturbed(engine_for())]


def test_once_the_shard_is_done_its_snapshots_are_removed_and_no_others(local: Lab) -> None:
    local.die(engine_for(), 13)
    other = local.folder.path("snapshots", "000001", "000000-000000001024-0123abcd.json")
    local.folder.fs.makedirs(local.folder.path("snapshots", "000001"))
    local.folder.fs.pipe_file(other, b"of another shard")
    sink = ShardSink(local.folder, "000000", JOB.tables, {})
    local.snapshots(sink).remove()
    assert local.files() == [other]


def test_a_worker_that_commits_a_shard_removes_its_snapshots(tmp_path: Path) -> None:
    data = write(tmp_path, [text_of(5_000)])
    parts: dict[str, dict[str, object]] = {"output": {"snapshot_tokens": EVERY}}
    config = order_of(Path(data.path), tmp_path / "run", **parts)
    session, spec = begin(config)
    [shard], seen = session.plan.shards, list[Path]()

    def look(progress: Progress) -> None:
        seen.extend((tmp_path / "run" / "snapshots" / shard.name).glob("*.json"))

    Worker(FakeEngine(chunk_tokens=500), spec).run_shard(Lease(shard), look)
    assert len(set(seen)) == 4
    assert not list((tmp_path / "run" / "snapshots").rglob("*.*"))
    assert_whole(session)


def test_a_worker_takes_no_snapshots_where_none_are_wanted(tmp_path: Path) -> None:
    data = write(tmp_path, [text_of(5_000)])
    parts: dict[str, dict[str, object]] = {"output": {"snapshot_tokens": None}}
    session, spec = begin(order_of(Path(data.path), tmp_path / "run", **parts))
    [shard] = session.plan.shards

    def look(progress: Progress) -> None:
        assert not (tmp_path / "run" / "snapshots").exists()

    Worker(FakeEngine(), spec).run_shard(Lease(shard), look)
