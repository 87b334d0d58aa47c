"""Jobs of a cluster, as a person reads them."""

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.pipeline.figures import duration
from longriver.pipeline.figures_table import print_figures
from longriver.pipeline.one_line import printable_line
from longriver.pipeline.submitted_job import SubmittedJob


def print_job(console: Console, job: SubmittedJob, log: str) -> None:
    """All that is known of a job, and the last thing it said."""
    print_figures(
        console,
        {
            "job": job.id,
            "status": job.status.value,
            "exit code": _code(job),
            "began": _time(job.began_s),
            "ended": _time(job.ended_s),
            "longriver": job.metadata.get("longriver", "-"),
            "command": printable_line(job.line),
            "Ray says": _last_line(job.message),
            "log ends with": _last_line(log),
        },
    )


def print_jobs(console: Console, jobs: Sequence[SubmittedJob]) -> None:
    """A row for each job; the latest comes last."""
    if not jobs:
        console.print("no job of longriver")
        return
    table = Table("job", "status", "exit", "began", "took", box=box.SIMPLE, pad_edge=False)
    for job in jobs:
        cells = (job.id, job.status.value, _code(job), _time(job.began_s), _took(job))
        table.add_row(*map(Text, cells))
    console.print(table)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return printable_line(lines[-1])[:500] if lines else "-"


def _code(job: SubmittedJob) -> str:
    return "-" if job.exit_code is None else str(job.exit_code)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def _took(job: SubmittedJob) -> str:
    if job.began_s is None or job.ended_s is None:
        return "-"
    return duration(job.ended_s - job.began_s)
