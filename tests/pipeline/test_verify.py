"""A run folder is whole, or the report says in which way it is not."""

import dataclasses

import pytest

from longriver.pipeline.ledger import Ledger
from longriver.pipeline.receipt import Counts, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.verify import VerifyReport, verify
from tests.pipeline.runs import TABLES, commit_shard, dead_letter, new_folder, score_row

PLANNED = {"000000": 4, "000001": 3}


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


def only_problem(report: VerifyReport) -> str:
    (problem,) = report.problems
    return problem


def test_a_whole_run_has_no_problems_and_its_counts_add_up(folder: RunFolder) -> None:
    report = verify(folder, PLANNED)
    assert report == VerifyReport(
        num_planned=2,
        num_committed=2,
        num_files=5,
        num_rows_in=7,
        num_documents=5,
        num_rows_out=5,
        num_dead=2,
        num_orphans=0,
        problems=(),
    )
    assert report.is_whole


def test_a_flipped_byte_is_noticed(folder: RunFolder) -> None:
    path = first_file(folder)
    data = bytearray(folder.fs.cat_file(folder.path(path)))
    data[len(data) // 2] ^= 1
    folder.fs.pipe_file(folder.path(path), bytes(data))
    assert only_problem(verify(folder, PLANNED)).startswith(f"{path}: sha256 is ")


def test_a_truncated_file_is_noticed(folder: RunFolder) -> None:
    path = first_file(folder, "segments")
    data = folder.fs.cat_file(folder.path(path))
    folder.fs.pipe_file(folder.path(path), data[:-1])
    expected = f"{path}: {len(data) - 1} bytes, the ledger says {len(data)}"
    assert only_problem(verify(folder, PLANNED)) == expected


def test_a_deleted_file_is_noticed(folder: RunFolder) -> None:
    path = first_file(folder)
    folder.fs.rm(folder.path(path))
    assert only_problem(verify(folder, PLANNED)) == f"{path}: is missing"


def test_a_wrong_row_count_is_noticed(folder: RunFolder) -> None:
    receipt = Ledger(folder).read("000000")
    files = tuple(dataclasses.replace(entry, num_rows=9) for entry in receipt.files)
    rewrite(folder, dataclasses.replace(receipt, files=files))
    assert f"{files[0].path}: 2 rows, the ledger says 9" in verify(folder, PLANNED).problems


def test_a_shard_that_is_not_committed_is_noticed(folder: RunFolder) -> None:
    problem = only_problem(verify(folder, {**PLANNED, "000002": None}))
    assert problem.startswith("shard 000002: not committed")


def test_a_shard_that_was_never_planned_is_noticed(folder: RunFolder) -> None:
    problem = only_problem(verify(folder, {"000000": 4}))
    assert problem == "shard 000001: committed, but not in the plan"


def test_a_damaged_receipt_is_one_problem_and_hides_no_other(folder: RunFolder) -> None:
    folder.fs.pipe_file(Ledger(folder).path("000000"), b"{")
    folder.fs.rm(folder.path(path := first_file(folder, shard="000001")))
    damage, missing = verify(folder, PLANNED).problems
    assert "ledger/000000.json is no whole receipt" in damage
    assert missing == f"{path}: is missing"


def test_rows_that_the_plan_has_and_nobody_read_are_noticed(folder: RunFolder) -> None:
    problem = only_problem(verify(folder, {**PLANNED, "000001": 8}))
    assert problem == "shard 000001: 3 rows read, the plan has 8"


def test_rows_that_a_plan_could_not_count_are_not_compared(folder: RunFolder) -> None:
    assert verify(folder, dict.fromkeys(PLANNED)).is_whole


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(4, 2, 1, 2, 10), "4 rows in, but 1 out and 2 dead"),
        (Counts(4, 3, 2, 2, 10), "3 documents, but 2 rows of table score"),
        (Counts(4, 2, 1, 3, 10), "3 rows dead, but the table dead accounts for 2"),
    ],
)
def test_counts_that_do_not_add_up_are_noticed(
    folder: RunFolder, counts: Counts, words: str
) -> None:
    receipt = Ledger(folder).read("000000")
    rewrite(folder, dataclasses.replace(receipt, counts=counts))
    assert only_problem(verify(folder, PLANNED)) == f"shard 000000: {words}"


def test_a_document_that_is_twice_in_a_shard_is_noticed(folder: RunFolder) -> None:
    commit_shard(folder, "000002", [score_row(n, "b") for n in (0, 1, 0)])
    problem = only_problem(verify(folder, {**PLANNED, "000002": 3}))
    assert problem == "shard 000002: b row 0 is doubled or misplaced"


def test_a_document_that_ends_a_shard_and_begins_the_next_is_noticed(folder: RunFolder) -> None:
    commit_shard(folder, "000002", [score_row(6)])
    problem = only_problem(verify(folder, {**PLANNED, "000002": 1}))
    assert problem == "a.parquet: row 6 begins a shard, but row 6 ends the one before"


def test_rows_of_many_sources_may_begin_anew(folder: RunFolder) -> None:
    rows = [score_row(n, source) for source in ("b", "c") for n in (0, 1)]
    commit_shard(folder, "000002", rows)
    assert verify(folder, {**PLANNED, "000002": 4}).is_whole


def test_files_that_no_receipt_names_are_counted_and_are_no_problem(folder: RunFolder) -> None:
    sink = ShardSink(folder, "000001", TABLES, {})
    sink.write("score", score_row(4))
    sink.close()
    report = verify(folder, PLANNED)
    assert report.num_orphans == 1 and report.is_whole
