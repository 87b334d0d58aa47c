"""One attempt at a shard: order, counts, dead letters, and bytes that depend on nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError
from longriver.engine.settings import resolve
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.attempt import Attempt, Documents, LostDocuments
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.job import Reader
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.scan import plan_sources
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.table import Row
from tests.checkpoints import network_of, random_rwkv7
from tests.fakes import FakeEngine, fake_nll

JOB = ScoreJob(ScoreConfig(segment_tokens=5, token_ids=True))

texts = st.lists(st.binary(max_size=40), max_size=8)
engines = st.builds(
    FakeEngine, num_slots=st.integers(1, 5), chunk_tokens=st.integers(1, 9), seed=st.integers(0, 99)
)


class Tried:
    """An attempt that was made, and what it wrote."""

    def __init__(
        self, documents: Documents, engine: Reader, broken: dict[int, DocumentError] | None = None
    ) -> None:
        self.folder = RunFolder.open(f"memory://attempts/{uuid4().hex}")
        self.sink = ShardSink(self.folder, "000000", JOB.tables, {})
        self.heard: list[Progress] = []
        self.attempt = Attempt(engine, JOB, self.sink, broken or {}, self.heard.append)
        self.attempt.run(documents)
        self.files: list[FileEntry] = self.sink.close()

    def rows(self, table: str) -> list[Row]:
        paths = [self.folder.path(entry.path) for entry in self.files if entry.table == table]
        return [row for path in paths for row in self._read(path).to_pylist()]

    def _read(self, path: str) -> pa.Table:
        with self.folder.fs.open(path) as file:
            return pq.read_table(file)

    def ids(self, table: str) -> list[object]:
        return [row["document_id"] for row in self.rows(table)]


def document(index: int, text: bytes, *, breaks: bool = False) -> Document:
    """A document in pieces of three bytes, which at its end breaks or not."""

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(text), 3):
            yield text[start : start + 3]
        if breaks:
            raise DocumentError("corrupt_file", "torn")

    return Document(f"d{index}", "books.txt", index, (), chunks())


def letter(index: int) -> DeadLetter:
    return DeadLetter(f"d{index}", "books.txt", index, 1, "null_text", "the cell is null")


def documents_of(found: Sequence[bytes | None]) -> list[Document | DeadLetter]:
    """Texts, and a letter for each None."""
    return [letter(i) if text is None else document(i, text) for i, text in enumerate(found)]


@given(texts, engines)
def test_rows_leave_in_document_order_whatever_the_interleaving(
    found: list[bytes], engine: FakeEngine
) -> None:
    tried = Tried(documents_of(found), engine)
    assert tried.ids("score") == [f"d{index}" for index in range(len(found))]
    assert [row["nll"] for row in tried.rows("score")] == [fake_nll(text) for text in found]
    segments = [(f"d{i}", n) for i, text in enumerate(found) for n in range(-(-len(text) // 5))]
    wrote = [(row["document_id"], row["segment_index"]) for row in tried.rows("segments")]
    assert wrote == segments


@given(st.lists(st.none() | st.binary(max_size=30), max_size=8), engines)
def test_every_row_is_counted_once_alive_or_dead(
    found: list[bytes | None], engine: FakeEngine
) -> None:
    tried = Tried(documents_of(found), engine)
    counts, alive = tried.attempt.counts, [text for text in found if text is not None]
    assert counts.num_rows_in == len(found) == counts.num_rows_out + counts.num_dead
    assert counts.num_documents == counts.num_rows_out == len(alive)
    assert counts.num_tokens == sum(map(len, alive))
    assert tried.attempt.sums.get("nll", 0.0) == sum(map(fake_nll, alive))
    assert tried.ids("dead") == [f"d{i}" for i, text in enumerate(found) if text is None]


@given(st.lists(st.none() | st.sampled_from([b"whole text", b"brok!n", b""]), max_size=8), engines)
def test_dead_letters_are_in_document_order_too(
    found: list[bytes | None], engine: FakeEngine
) -> None:
    engine.bad_token = ord("!")
    tried = Tried(documents_of(found), engine, {3: DocumentError("lost", "earlier")})
    dead = [i for i, text in enumerate(found) if text in (None, b"brok!n") or i == 3]
    assert tried.ids("dead") == [f"d{index}" for index in dead]
    counts = tried.attempt.counts
    assert counts.num_rows_in == len(found) == counts.num_rows_out + counts.num_dead


def test_a_document_that_breaks_before_any_row_of_it_left_is_a_dead_letter() -> None:
    found = [document(0, b"fine"), document(1, b"torn", breaks=True), document(2, b"fine too")]
    tried = Tried(found, FakeEngine())
    assert tried.ids("score") == ["d0", "d2"]
    [dead] = tried.rows("dead")
    assert (dead["document_id"], dead["reason"], dead["detail"]) == ("d1", "corrupt_file", "torn")
    assert "d1" not in tried.ids("segments")


def test_a_document_that_waits_behind_another_can_break_without_a_trace() -> None:
    long_text = b"a long text that is read on and on, slowly" * 3
    found = [document(0, long_text), document(1, b"eleven byte", breaks=True)]
    assert "d1" not in Tried(found, FakeEngine(seed=1)).ids("segments")


def lost_by(num_broken: int) -> tuple[list[Document], dict[int, DocumentError]]:
    found = [document(i, b"x" * 50, breaks=i < num_broken) for i in range(num_broken + 1)]
    with pytest.raises(LostDocuments) as lost:
        Tried(found, FakeEngine(num_slots=1))
    again = [document(i, b"x" * 50, breaks=i < num_broken) for i in range(num_broken + 1)]
    return again, dict(lost.value.errors)


def test_a_document_that_breaks_after_rows_of_it_left_voids_the_attempt() -> None:
    found, lost = lost_by(1)
    tried = Tried(found, FakeEngine(num_slots=1), lost)
    assert tried.ids("score") == ["d1"] and set(tried.ids("segments")) == {"d1"}
    assert [row["reason"] for row in tried.rows("dead")] == ["corrupt_file"]


def test_however_many_documents_break_one_more_attempt_is_enough() -> None:
    found, lost = lost_by(5)
    assert list(lost) == [0, 1, 2, 3, 4]
    assert Tried(found, FakeEngine(), lost).ids("score") == ["d5"]


def test_progress_adds_up_to_what_was_done() -> None:
    tried = Tried(documents_of([b"one", None, b"three"]), FakeEngine())
    assert tried.heard[-1] == Progress(num_documents=2, num_dead=1, num_tokens=8, num_bytes=8)


def read_parquet(path: Path, rows: Mapping[str, object], engine: Reader, **keys: str) -> Tried:
    pq.write_table(pa.table(rows), path)
    data = DataConfig.model_validate({"path": str(path), **keys})
    [shard] = plan_sources(data).shards
    return Tried(read_documents(shard, data), engine)


def test_a_null_text_is_a_dead_letter(tmp_path: Path) -> None:
    tried = read_parquet(tmp_path / "a.parquet", {"text": ["one", None, "three"]}, FakeEngine())
    assert [row["source_row"] for row in tried.rows("score")] == [0, 2]
    [dead] = tried.rows("dead")
    assert (dead["source_row"], dead["reason"]) == (1, "null_text")


PARTS = {
    "text": ["Call me ", "Ishmael.", "alone", "torn ", None, "torn too", "last"],
    "id": ["moby", "moby", "b", "c", "c", "c", "d"],
    "part": [0, 1, 0, 0, 1, 2, 0],
}


@pytest.mark.parametrize("num_slots", [1, 2, 5])
def test_rows_of_one_document_are_one_row_and_all_of_them_are_counted(
    tmp_path: Path, num_slots: int
) -> None:
    keys = {"id_column": "id", "part_column": "part"}
    tried = read_parquet(tmp_path / "a.parquet", PARTS, FakeEngine(num_slots), **keys)
    assert tried.ids("score") == ["moby", "b", "d"]
    assert tried.rows("score")[0]["nll"] == fake_nll(b"Call me Ishmael.")
    [dead] = tried.rows("dead")
    assert (dead["document_id"], dead["num_rows"], dead["reason"]) == ("c", 3, "null_text")
    counts = tried.attempt.counts
    assert (counts.num_rows_in, counts.num_rows_out, counts.num_dead) == (7, 4, 3)
    assert counts.num_documents == 3


@pytest.fixture(scope="module")
def engine_with() -> dict[tuple[int, int], Engine]:
    network = network_of(random_rwkv7(num_layers=2, num_heads=1))
    found = {}
    for slots, tokens in ((1, 4096), (1, 3), (2, 7), (4, 16), (9, 64)):
        config = EngineConfig(num_slots=slots, tokens_per_step=tokens, num_threads=1)
        found[slots, tokens] = Engine(network, ByteTokenizer(), resolve(config, has_cuda=False))
    return found


@settings(max_examples=15)
@given(found=st.lists(st.none() | st.binary(max_size=40), max_size=7))
def test_result_files_are_the_same_bytes_for_any_slots_and_steps(
    engine_with: dict[tuple[int, int], Engine], found: list[bytes | None]
) -> None:
    tries = [Tried(documents_of(found), engine) for engine in engine_with.values()]
    hashes = {tuple(entry.sha256 for entry in tried.files) for tried in tries}
    assert len(hashes) == 1
    assert len({(t.attempt.counts, *t.attempt.sums.values()) for t in tries}) == 1
