"""Rows of an attempt become files, and only committed files are read."""

import errno
import hashlib
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink, open_results
from longriver.pipeline.table import Column, Row, Table
from longriver.pipeline.verify import verify
from tests.pipeline.runs import TABLES, commit_shard, dead_letter, new_folder, score_row
from tests.pipeline.stores import patient

LISTS = Table(
    "lists",
    (
        Column("name", "string"),
        Column("ids", "list<int32>"),
        Column("nll", "list<float32>"),
    ),
)
ALL_TYPES = Table(
    "types",
    (
        Column("s", "string"),
        Column("i", "int32"),
        Column("l", "int64"),
        Column("f", "float32"),
        Column("d", "float64"),
        Column("li", "list<int32>"),
        Column("lf", "list<float32>"),
    ),
)


class FullFile:
    """A file on a disk with no room left."""

    closed = False

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class FullStore(MemoryFileSystem):
    cachable = False

    def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        return FullFile() if "w" in mode else super().open(path, mode, **kwargs)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def list_row(index: int, num_tokens: int) -> Row:
    random = np.random.default_rng(index)
    return {
        "name": f"d{index}",
        "ids": random.integers(0, 1 << 16, num_tokens, dtype=np.int32),
        "nll": random.random(num_tokens, dtype=np.float32),
    }


def write_shard(folder: RunFolder, num_rows: int) -> list[FileEntry]:
    sink = ShardSink(folder, "000000", TABLES, {"longriver.b": "2", "longriver.a": "1"})
    for index in range(num_rows):
        sink.write("score", score_row(index))
    return sink.close()


def read(folder: RunFolder, entry: FileEntry) -> bytes:
    return bytes(folder.fs.cat_file(folder.path(entry.path)))


def test_an_entry_says_what_is_in_the_file(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    (entry,) = write_shard(folder, 20_000)
    data = read(folder, entry)
    assert entry.table == "score"
    assert entry.num_rows == pq.read_table(pa.BufferReader(data)).num_rows == 20_000
    assert entry.num_bytes == len(data)
    assert entry.sha256 == hashlib.sha256(data).hexdigest()


def test_the_same_rows_give_the_same_bytes_under_another_name(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    (one,), (two,) = write_shard(folder, 20_000), write_shard(folder, 20_000)
    assert one.path != two.path
    assert read(folder, one) == read(folder, two)


def test_the_attempt_is_in_the_name_and_not_in_the_file(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    sink = ShardSink(folder, "000012", TABLES, {})
    sink.write("score", score_row(0))
    (entry,) = sink.close()
    assert entry.path == f"score/000012-{sink.attempt[:8]}.parquet"
    assert sink.attempt[:8].encode() not in read(folder, entry)


def test_files_carry_the_metadata_they_were_given(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    (entry,) = write_shard(folder, 1)
    metadata = pq.read_metadata(pa.BufferReader(read(folder, entry))).metadata
    assert metadata[b"longriver.a"] == b"1" and metadata[b"longriver.b"] == b"2"


def test_every_column_type_comes_back(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    sink = ShardSink(folder, "000000", (ALL_TYPES,), {})
    full: Row = {"s": "ü", "i": 1, "l": 1 << 40, "f": 0.5, "d": 0.1, "li": [1, 2], "lf": [0.5]}
    none: Row = dict.fromkeys(full)
    empty: Row = {**full, "li": np.empty(0, np.int32), "lf": np.empty(0, np.float32)}
    for row in (full, none, empty):
        sink.write("types", row)
    (entry,) = sink.close()
    rows = pq.read_table(pa.BufferReader(read(folder, entry))).to_pylist()
    assert rows == [full, none, {**full, "li": [], "lf": []}]


def test_tables_without_rows_give_no_file(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    assert ShardSink(folder, "000000", TABLES, {}).close() == []
    assert not folder.fs.exists(folder.root)


def test_a_row_with_other_columns_than_its_table_is_our_mistake(run_url: str) -> None:
    sink = ShardSink(RunFolder.open(run_url), "000000", (LISTS,), {})
    with pytest.raises(AssertionError, match="nll"):
        sink.write("lists", {"name": "d", "ids": []})


def test_an_aborted_attempt_leaves_no_file(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    sink = ShardSink(folder, "000000", (LISTS,), {}, group_bytes=1 << 12)
    for index in range(20):
        sink.write("lists", list_row(index, 256))
    assert folder.fs.find(folder.root) or not folder.fs.is_local
    sink.abort()
    assert folder.fs.find(folder.root) == []


def test_an_attempt_that_came_second_removes_its_closed_files(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    sink = ShardSink(folder, "000000", TABLES, {})
    sink.write("score", score_row(0))
    sink.close()
    sink.abort()
    assert folder.fs.find(folder.root) == []


def test_a_full_disk_is_an_error_and_aborting_then_is_none() -> None:
    folder = RunFolder("full://a", patient(FullStore(), "output.path=full://a"), "/full/a")
    sink = ShardSink(folder, "000000", TABLES, {})
    sink.write("score", score_row(0))
    with pytest.raises(RunFailed) as failed:
        sink.close()
    sink.abort()
    assert str(failed.value) == (
        "output.path=full://a: No space left on device; free some space and run the same command "
        "again, what is committed stays"
    )


def test_memory_holds_one_row_group_of_list_columns(tmp_path: Path) -> None:
    group_bytes = 1 << 20
    sink = ShardSink(RunFolder.open(str(tmp_path)), "000000", (LISTS,), {}, group_bytes)
    arrow_peak = 0
    arrow_before = pa.total_allocated_bytes()
    tracemalloc.start()
    for index in range(4000):
        sink.write("lists", list_row(index, 1024))
        arrow_peak = max(arrow_peak, pa.total_allocated_bytes() - arrow_before)
    _, python_peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (entry,) = sink.close()
    assert entry.num_bytes > 20 * group_bytes
    assert python_peak < 4 * group_bytes
    assert arrow_peak < 8 * group_bytes


def test_results_are_the_committed_rows_in_shard_order(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000001", [score_row(n) for n in (2, 3)])
    ShardSink(folder, "000000", TABLES, {}).write("score", score_row(9))
    commit_shard(folder, "000000", [score_row(n) for n in (0, 1)])
    write_shard(folder, 5)
    rows = open_results(run_url, "score").to_table()["source_row"].to_pylist()
    assert rows == [0, 1, 2, 3]


def test_an_empty_table_has_its_columns(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [score_row(0)])
    results = open_results(run_url, "dead")
    assert results.schema.names[:2] == ["document_id", "source"]
    assert results.to_table().num_rows == 0


def test_dead_letters_are_results_too(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [score_row(0)], [dead_letter(1)])
    assert open_results(run_url, "dead").to_table()["reason"].to_pylist() == ["null_text"]


def test_an_unknown_table_is_named_beside_those_there_are(run_url: str) -> None:
    new_folder(run_url)
    with pytest.raises(OrderError, match="no table 'embed'; it has score, segments, dead"):
        open_results(run_url, "embed")


ENDLESS_WRITER = """
import sys
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink
from tests.pipeline.runs import TABLES, score_row
sink = ShardSink(RunFolder.open(sys.argv[1]), "000000", TABLES, {}, group_bytes=1000)
index = 0
while True:
    sink.write("score", score_row(index))
    index += 1
"""


def test_a_killed_writer_has_committed_nothing(tmp_path: Path) -> None:
    folder = new_folder(str(tmp_path / "run"))
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", ENDLESS_WRITER, folder.root]
    writer = subprocess.Popen(command, cwd=root)
    while not any((tmp_path / "run").glob("score/*.parquet")):
        assert writer.poll() is None
        time.sleep(0.02)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert Ledger(folder).committed() == set()
    assert open_results(folder.url, "score").to_table().num_rows == 0
    commit_shard(folder, "000000", [score_row(0), score_row(1)])
    report = verify(folder, {"000000": 2})
    assert report.is_whole and report.num_orphans == 1
    assert open_results(folder.url, "score").to_table().num_rows == 2
