"""What a run folder says to a person."""

import io
from dataclasses import replace

from rich.console import Console

from longriver.pipeline.folder_display import MAX_PROBLEMS, print_report, print_status
from longriver.pipeline.status import RunStatus
from longriver.pipeline.verify import VerifyReport

HALF = RunStatus(
    num_shards=4,
    num_shards_done=2,
    num_bytes=4_000_000,
    num_bytes_done=1_000_000,
    num_documents=1500,
    num_tokens=1_000_000,
    num_dead=3,
    last_commit="2026-01-02T03:04:05+00:00",
    is_complete=False,
)
WHOLE = VerifyReport(
    num_planned=4,
    num_committed=4,
    num_files=8,
    num_rows_in=1503,
    num_documents=1490,
    num_rows_out=1500,
    num_dead=3,
    num_orphans=1,
    problems=(),
)


def status_page(status: RunStatus, run_path: str = "runs/x") -> str:
    console = Console(file=io.StringIO(), width=80)
    print_status(console, run_path, status)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def report_page(report: VerifyReport) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_report(console, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_status_says_what_is_committed_of_what_was_planned() -> None:
    text = status_page(HALF)
    assert "2 of 4" in text and "1.0 MB of 4.0 MB (25%)" in text
    assert "2026-01-02T03:04:05+00:00" in text
    assert "the command that began it does what is left" in text


def test_status_of_a_complete_run_leads_to_verify() -> None:
    text = status_page(replace(HALF, is_complete=True), run_path="my runs/x")
    assert "Next: longriver verify output.path='my runs/x'" in text


def test_status_before_the_first_commit_is_no_error() -> None:
    empty = replace(HALF, num_bytes=0, num_bytes_done=0, last_commit=None)
    assert "none yet" in status_page(empty)


def test_a_whole_run_is_called_whole() -> None:
    text = report_page(WHOLE)
    assert text.endswith("The run is whole: every document is there exactly once.\n")
    assert "1,500, in 1,490 documents" in text


def test_what_is_wrong_is_listed_but_not_without_end() -> None:
    problems = tuple(f"shard {n:06d}: not committed" for n in range(MAX_PROBLEMS + 5))
    text = report_page(replace(WHOLE, problems=problems))
    assert "The run is NOT whole. Problems: 55" in text
    assert "  shard 000000: not committed\n" in text
    assert text.endswith("  and 5 more\n")
