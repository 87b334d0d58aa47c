"""What a run folder says to a person: whether it is whole, and what can go."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import count, counted, data_size
from longriver.pipeline.figures_table import print_figures
from longriver.pipeline.garbage import KINDS, Garbage
from longriver.pipeline.verify import VerifyReport

MAX_PROBLEMS = 50


def print_report(console: Console, report: VerifyReport) -> None:
    rows = {
        "shards": f"{count(report.num_committed)} of {count(report.num_planned)}",
        "files": f"{count(report.num_files)}, {data_size(report.num_bytes)}",
        "rows in": count(report.num_rows_in),
        "rows out": f"{count(report.num_rows_out)}, in {counted(report.num_documents, 'document')}",
        "dead rows": count(report.num_dead),
        "stray files": f"{count(report.num_orphans)}, which no reader follows",
    }
    print_figures(console, rows)
    for line in _verdict(report):
        print_line(console, line)


def print_garbage(console: Console, garbage: Sequence[Garbage], verb: str) -> None:
    """Files and bytes by kind, and what has been, or would be, done with them."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("kind", style="bold", no_wrap=True)
    for name in ("files", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in KINDS:
        sizes = [each.num_bytes for each in garbage if each.kind == kind]
        table.add_row(kind, count(len(sizes)), data_size(sum(sizes)))
    console.print(table)
    size = data_size(sum(each.num_bytes for each in garbage))
    print_line(console, f"{counted(len(garbage), 'file')}, {size}: {verb}.")


def _verdict(report: VerifyReport) -> list[str]:
    if report.is_whole:
        how = (
            "Every byte has been read again: hashes, rows, order and sums agree."
            if report.is_deep
            else "So say plan, ledger, sizes and row counts; deep=true reads every byte again."
        )
        return ["The run is whole: every document is there exactly once.", how]
    problems = [f"  {problem}" for problem in report.problems[:MAX_PROBLEMS]]
    more = len(report.problems) - MAX_PROBLEMS
    rest = [f"  and {count(more)} more"] if more > 0 else []
    return [f"The run is NOT whole. Problems: {count(len(report.problems))}", *problems, *rest]
