"""What a run folder says to a person of its wholeness and its garbage."""

import io
from dataclasses import replace

from rich.console import Console

from longriver.pipeline.folder_display import MAX_PROBLEMS, print_garbage, print_report
from longriver.pipeline.garbage import CRUMBS, RESULTS, Garbage
from longriver.pipeline.verify import VerifyReport

WHOLE = VerifyReport(
    num_planned=4,
    num_committed=4,
    num_files=8,
    num_bytes=3_000_000,
    num_rows_in=1503,
    num_documents=1490,
    num_rows_out=1500,
    num_dead=3,
    num_orphans=1,
    problems=(),
)


def report_page(report: VerifyReport) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_report(console, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_whole_run_is_called_whole_and_how_that_is_known_is_said() -> None:
    text = report_page(WHOLE)
    assert "The run is whole: every document is there exactly once.\n" in text
    assert text.endswith("row counts; deep=true reads every byte again.\n")
    assert "1,500, in 1,490 documents" in text and "8, 3.0 MB" in text


def test_a_run_that_was_read_again_is_called_so() -> None:
    text = report_page(replace(WHOLE, is_deep=True))
    assert "every document is there exactly once.\nEvery byte has been read again" in text


def test_what_is_wrong_is_listed_but_not_without_end() -> None:
    problems = tuple(f"shard {n:06d}: not committed" for n in range(MAX_PROBLEMS + 5))
    text = report_page(replace(WHOLE, problems=problems))
    assert "The run is NOT whole. Problems: 55" in text
    assert "  shard 000000: not committed\n" in text
    assert text.endswith("  and 5 more\n")


def test_garbage_is_counted_by_kind() -> None:
    console = Console(file=io.StringIO(), width=80)
    garbage = [Garbage(RESULTS, "a", 1000), Garbage(RESULTS, "b", 500), Garbage(CRUMBS, "c", 7)]
    print_garbage(console, garbage, "removed")
    assert isinstance(console.file, io.StringIO)
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["result", "files", "2", "1.5", "kB"] in lines
    assert ["crumbs", "1", "7", "bytes"] in lines
    assert ["snapshots", "0", "0", "bytes"] in lines
    assert lines[-1] == ["3", "files,", "1.5", "kB:", "removed."]
