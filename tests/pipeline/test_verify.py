"""A run folder is whole, or the report says in which way it is not."""

import dataclasses
import json
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.pipeline.footer import TAIL_BYTES, read_footer
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.receipt import Counts, FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.summary import summarize, write_summary
from longriver.pipeline.table import Row
from longriver.pipeline.verify import VerifyReport, verify, verify_deeply
from tests.pipeline.runs import (
    TABLES,
    commit_shard,
    dead_letter,
    new_folder,
    order,
    receipt_of,
    score_row,
)

Verify = Callable[[RunFolder, Mapping[str, int | None]], VerifyReport]

PLANNED = {"000000": 4, "000001": 3}

both = pytest.mark.parametrize("look", [verify, verify_deeply])


@pytest.fixture
def folder(run_url: str) -> RunFolder:
    """Two committed shards, the first with a dead letter of two rows."""
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [score_row(0), score_row(1)], [dead_letter(2, num_rows=2)])
    commit_shard(folder, "000001", [score_row(n) for n in (4, 5, 6)])
    return folder


def first_file(folder: RunFolder, table: str = "score", shard: str = "000000") -> str:
    return Ledger(folder).read(shard).files_of(table)[0].path


def rewrite(folder: RunFolder, receipt: Receipt) -> None:
    folder.fs.pipe_file(Ledger(folder).path(receipt.shard), receipt.to_json())


def commit_tables(
    folder: RunFolder, shard: str, rows: list[Row], segments: list[Row], dead: int | None = None
) -> None:
    """A shard whose tables say what they are told to."""
    sink = ShardSink(folder, shard, TABLES, folder.read_order().metadata)
    for row in rows:
        sink.write("score", row)
    for segment in segments:
        sink.write("segments", segment)
    if dead is not None:
        sink.write_dead(dead_letter(dead))
    num_dead = int(dead is not None)
    rewrite(folder, receipt_of(shard, sink.attempt, sink.close(), rows, num_dead))


def conclude(folder: RunFolder, *group_columns: str) -> None:
    write_summary(folder, summarize(folder, Ledger(folder).read_all().values(), group_columns))


def only_problem(report: VerifyReport) -> str:
    (problem,) = report.problems
    return problem


@both
def test_a_whole_run_has_no_problems_and_its_counts_add_up(folder: RunFolder, look: Verify) -> None:
    conclude(folder)
    report = look(folder, PLANNED)
    assert report == VerifyReport(
        num_planned=2,
        num_committed=2,
        num_files=5,
        num_bytes=report.num_bytes,
        num_rows_in=7,
        num_documents=5,
        num_rows_out=5,
        num_dead=2,
        num_orphans=0,
        problems=(),
        is_deep=look is verify_deeply,
    )
    assert report.is_whole


@pytest.mark.parametrize("table", ["score", "segments", "dead"])
def test_a_flipped_byte_is_noticed_by_reading_everything(folder: RunFolder, table: str) -> None:
    path = first_file(folder, table)
    data = bytearray(folder.fs.cat_file(folder.path(path)))
    data[10] ^= 1
    folder.fs.pipe_file(folder.path(path), bytes(data))
    assert verify(folder, PLANNED).is_whole
    assert only_problem(verify_deeply(folder, PLANNED)).startswith(f"{path}: sha256 is ")


@both
def test_an_end_that_is_no_parquet_is_noticed(folder: RunFolder, look: Verify) -> None:
    path = first_file(folder)
    data = folder.fs.cat_file(folder.path(path))
    for end in (b"\0" * 8, b"\xff\xff\xff\x7fPAR1", b"\x10\0\0\0PAR1"):
        folder.fs.pipe_file(folder.path(path), data[:-8] + end)
        assert only_problem(look(folder, PLANNED)).startswith(f"{path}: cannot be read: ")


@both
def test_a_truncated_file_is_noticed(folder: RunFolder, look: Verify) -> None:
    path = first_file(folder, "segments")
    data = folder.fs.cat_file(folder.path(path))
    folder.fs.pipe_file(folder.path(path), data[:-1])
    expected = f"{path}: {len(data) - 1} bytes, the ledger says {len(data)}"
    assert only_problem(look(folder, PLANNED)) == expected


@both
def test_a_deleted_file_is_noticed(folder: RunFolder, look: Verify) -> None:
    path = first_file(folder)
    folder.fs.rm(folder.path(path))
    assert only_problem(look(folder, PLANNED)) == f"{path}: is missing"


@both
def test_a_wrong_row_count_is_noticed(folder: RunFolder, look: Verify) -> None:
    receipt = Ledger(folder).read("000000")
    files = tuple(
        dataclasses.replace(entry, num_rows=9) if entry.table == "segments" else entry
        for entry in receipt.files
    )
    rewrite(folder, dataclasses.replace(receipt, files=files))
    path = first_file(folder, "segments")
    assert only_problem(look(folder, PLANNED)) == f"{path}: 2 rows, the ledger says 9"


@both
def test_a_file_of_another_order_is_noticed(folder: RunFolder, look: Verify) -> None:
    other = order(**{"job.segment_tokens": 7})
    folder.fs.pipe_file(folder.order_path, other.to_json())
    assert (
        f"{first_file(folder)}: is of another order than run.json" in look(folder, PLANNED).problems
    )


@both
@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "score/000001-01234567.parquet", "summary.json", "score/x"]
)
def test_a_receipt_may_name_no_file_but_its_own(folder: RunFolder, look: Verify, path: str) -> None:
    receipt = Ledger(folder).read("000000")
    entry = FileEntry("segments", path, 2, 10, "0" * 64)
    rewrite(folder, dataclasses.replace(receipt, files=(*receipt.files, entry)))
    problem = only_problem(look(folder, PLANNED))
    assert problem == f"shard 000000: names {path!r}, which is no file of its own"


@both
def test_a_receipt_may_name_no_file_twice(folder: RunFolder, look: Verify) -> None:
    receipt = Ledger(folder).read("000000")
    segments = receipt.files_of("segments")
    rewrite(folder, dataclasses.replace(receipt, files=(*receipt.files, *segments)))
    expected = f"shard 000000: names {segments[0].path} 2 times"
    assert only_problem(look(folder, PLANNED)) == expected


@both
def test_a_shard_that_is_not_committed_is_noticed(folder: RunFolder, look: Verify) -> None:
    problem = only_problem(look(folder, {**PLANNED, "000002": None}))
    assert problem.startswith("shard 000002: not committed")


@both
def test_a_shard_that_was_never_planned_is_noticed(folder: RunFolder, look: Verify) -> None:
    problem = only_problem(look(folder, {"000000": 4}))
    assert problem == "shard 000001: committed, but not in the plan"


@both
def test_a_damaged_receipt_is_one_problem_and_hides_no_other(
    folder: RunFolder, look: Verify
) -> None:
    folder.fs.pipe_file(Ledger(folder).path("000000"), b"{")
    folder.fs.rm(folder.path(path := first_file(folder, shard="000001")))
    damage, missing = look(folder, PLANNED).problems
    assert "ledger/000000.json is no whole receipt" in damage
    assert missing == f"{path}: is missing"


@both
def test_rows_that_the_plan_has_and_nobody_read_are_noticed(
    folder: RunFolder, look: Verify
) -> None:
    problem = only_problem(look(folder, {**PLANNED, "000001": 8}))
    assert problem == "shard 000001: 3 rows read, the plan has 8"


@both
def test_rows_that_a_plan_could_not_count_are_not_compared(folder: RunFolder, look: Verify) -> None:
    assert look(folder, dict.fromkeys(PLANNED)).is_whole


@both
@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(4, 2, 1, 2, 10), "4 rows in, but 1 out and 2 dead"),
        (Counts(4, 3, 2, 2, 10), "3 documents, but 2 rows of table score"),
    ],
)
def test_counts_that_do_not_add_up_are_noticed(
    folder: RunFolder, look: Verify, counts: Counts, words: str
) -> None:
    receipt = Ledger(folder).read("000000")
    rewrite(folder, dataclasses.replace(receipt, counts=counts))
    assert only_problem(look(folder, PLANNED)) == f"shard 000000: {words}"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(4, 2, 1, 3, 10), "3 rows dead, but the table dead accounts for 2"),
        (Counts(4, 2, 2, 2, 11), "11 tokens, but its rows have 10"),
    ],
)
def test_counts_that_only_rows_contradict_are_noticed_by_reading_them(
    folder: RunFolder, counts: Counts, words: str
) -> None:
    receipt = Ledger(folder).read("000000")
    rewrite(folder, dataclasses.replace(receipt, counts=counts))
    assert verify(folder, PLANNED).is_whole
    assert only_problem(verify_deeply(folder, PLANNED)) == f"shard 000000: {words}"


def test_sums_are_held_to_the_bit(folder: RunFolder) -> None:
    receipt = Ledger(folder).read("000001")
    nll = receipt.sums["nll"]
    off = {**receipt.sums, "nll": nll * (1 + 2**-52)}
    assert off["nll"] != nll
    rewrite(folder, dataclasses.replace(receipt, sums=off))
    expected = f"shard 000001: nll adds up to {nll!r}, the ledger says {off['nll']!r}"
    assert only_problem(verify_deeply(folder, PLANNED)) == expected


def test_a_document_that_is_twice_in_a_shard_is_noticed(folder: RunFolder) -> None:
    commit_shard(folder, "000002", [score_row(n, "b") for n in (0, 1, 0)])
    problem = only_problem(verify_deeply(folder, {**PLANNED, "000002": 3}))
    assert problem == "shard 000002: b row 0 is doubled or misplaced"


def test_a_document_that_is_also_a_dead_letter_is_noticed(folder: RunFolder) -> None:
    commit_tables(folder, "000002", [score_row(0, "a.parquet") | {"source_row": 9}], [], dead=9)
    problem = only_problem(verify_deeply(folder, {**PLANNED, "000002": 2}))
    assert problem == "shard 000002: a.parquet row 9 is a document and a dead letter"


@both
@pytest.mark.parametrize("rows", [(6,), (7, 8, 9)])
def test_a_document_of_an_earlier_shard_is_noticed(
    folder: RunFolder, look: Verify, rows: tuple[int, ...]
) -> None:
    commit_shard(folder, "000002", [score_row(n) for n in rows])
    commit_shard(folder, "000003", [score_row(0, "b")])
    commit_shard(folder, "000004", [score_row(n) for n in rows])
    planned = {**PLANNED, "000002": len(rows), "000003": 1, "000004": len(rows)}
    *_, problem = look(folder, planned).problems
    assert problem == (
        f"shard 000004: a.parquet row {rows[0]} is doubled, "
        f"shard 000002 has this file's rows up to {rows[-1]}"
    )


@both
def test_rows_of_many_sources_may_begin_anew(folder: RunFolder, look: Verify) -> None:
    rows = [score_row(n, source) for source in ("b", "c") for n in (0, 1)]
    commit_shard(folder, "000002", rows)
    assert look(folder, {**PLANNED, "000002": 4}).is_whole


@pytest.mark.parametrize("names", [("b:1", "b:0"), ("b:0", "b:1", "b:0"), ("b:0", "c:0"), ("b:7",)])
def test_segments_that_are_not_in_the_documents_order_are_noticed(
    folder: RunFolder, names: tuple[str, ...]
) -> None:
    segments: list[Row] = [{"document_id": name, "nll": 0.5} for name in names]
    commit_tables(folder, "000002", [score_row(0, "b"), score_row(1, "b")], segments)
    problem = only_problem(verify_deeply(folder, {**PLANNED, "000002": 2}))
    assert problem.startswith("shard 000002: table segments has rows of ")


def test_documents_may_have_any_number_of_segments(folder: RunFolder) -> None:
    names = ("b:0", "b:0", "b:2", "b:2", "b:3")
    segments: list[Row] = [{"document_id": name, "nll": 0.5} for name in names]
    commit_tables(folder, "000002", [score_row(n, "b") for n in range(5)], segments)
    assert verify_deeply(folder, {**PLANNED, "000002": 5}).is_whole


@both
def test_files_that_no_receipt_names_are_counted_and_are_no_problem(
    folder: RunFolder, look: Verify
) -> None:
    sink = ShardSink(folder, "000001", TABLES, {})
    sink.write("score", score_row(4))
    sink.close()
    report = look(folder, PLANNED)
    assert report.num_orphans == 1 and report.is_whole


@both
def test_a_summary_that_says_something_else_is_noticed(folder: RunFolder, look: Verify) -> None:
    conclude(folder)
    stored = json.loads(folder.fs.cat_file(folder.summary_path))
    folder.fs.pipe_file(folder.summary_path, json.dumps(stored | {"num_tokens": 24}).encode())
    expected = "summary.json: num_tokens is 24, the tables say 25"
    assert only_problem(look(folder, PLANNED)) == expected


@both
def test_a_complete_run_without_a_summary_is_noticed(folder: RunFolder, look: Verify) -> None:
    conclude(folder)
    folder.fs.rm_file(folder.summary_path)
    assert only_problem(look(folder, PLANNED)).startswith("summary.json: is missing")


@both
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff"])
def test_a_summary_that_is_none_is_noticed(folder: RunFolder, look: Verify, content: bytes) -> None:
    conclude(folder)
    folder.fs.pipe_file(folder.summary_path, content)
    assert only_problem(look(folder, PLANNED)).startswith("summary.json: ")


def test_groups_that_say_something_else_are_noticed_by_reading_everything(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    folder.claim(order(**{"data.group_columns": ["domain"]}))
    commit_shard(folder, "000000", [score_row(0), score_row(1, domain="law")])
    conclude(folder, "domain")
    assert verify_deeply(folder, {"000000": 2}).is_whole
    stored = json.loads(folder.fs.cat_file(folder.summary_path))
    stored["groups"][1]["nll"] = 7
    folder.fs.pipe_file(folder.summary_path, json.dumps(stored).encode())
    assert verify(folder, {"000000": 2}).is_whole
    assert only_problem(verify_deeply(folder, {"000000": 2})).startswith("summary.json: groups is")


def test_a_footer_of_any_size_is_read(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    table = pa.table({f"column_{n:04}": [n] for n in range(2000)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data = sink.getvalue().to_pybytes()
    folder.fs.makedirs(folder.root, exist_ok=True)
    folder.fs.pipe_file(folder.path("wide.parquet"), data)
    footer = read_footer(folder, "wide.parquet", len(data))
    assert footer.num_columns == 2000 and footer.serialized_size > TAIL_BYTES
