"""What a run folder says to a person: how far it is, and whether it is whole."""

import shlex

from rich.console import Console

from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import count, data_size
from longriver.pipeline.figures_table import print_figures
from longriver.pipeline.status import RunStatus
from longriver.pipeline.verify import VerifyReport

MAX_PROBLEMS = 50


def print_status(console: Console, run_path: str, status: RunStatus) -> None:
    done = f"{data_size(status.num_bytes_done)} of {data_size(status.num_bytes)}"
    share = status.num_bytes_done / status.num_bytes if status.num_bytes else 1.0
    rows = {
        "shards": f"{count(status.num_shards_done)} of {count(status.num_shards)}",
        "text": f"{done} ({share:.0%})",
        "documents": count(status.num_documents),
        "dead rows": count(status.num_dead),
        "tokens": count(status.num_tokens),
        "last commit": status.last_commit or "none yet",
    }
    print_figures(console, rows)
    if status.is_complete:
        verify = f"longriver verify output.path={shlex.quote(run_path)}"
        print_line(console, f"The run is complete. Next: {verify}")
    else:
        print_line(console, "The run is not complete: the command that began it does what is left.")


def print_report(console: Console, report: VerifyReport) -> None:
    rows = {
        "shards": f"{count(report.num_committed)} of {count(report.num_planned)}",
        "files": count(report.num_files),
        "rows in": count(report.num_rows_in),
        "rows out": f"{count(report.num_rows_out)}, in {count(report.num_documents)} documents",
        "dead rows": count(report.num_dead),
        "stray files": f"{count(report.num_orphans)}, which no reader follows",
    }
    print_figures(console, rows)
    for line in _verdict(report):
        print_line(console, line)


def _verdict(report: VerifyReport) -> list[str]:
    if report.is_whole:
        return ["The run is whole: every document is there exactly once."]
    problems = [f"  {problem}" for problem in report.problems[:MAX_PROBLEMS]]
    more = len(report.problems) - MAX_PROBLEMS
    rest = [f"  and {count(more)} more"] if more > 0 else []
    return [f"The run is NOT whole. Problems: {count(len(report.problems))}", *problems, *rest]
