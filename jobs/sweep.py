"""The end of a sweep: its runs side by side, each against the first."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.engine.errors import OrderError
from longriver.jobs.compare import comparison
from longriver.jobs.compare_display import difference
from longriver.jobs.folder_config import CompareConfig
from longriver.jobs.report.sweep import write_sweep
from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import ratio


def end_sweep(paths: Sequence[str]) -> None:
    """Bits per byte of every run, the paired difference to the first one's, and a page of them.

    Where there is nothing to compare, the reason is said in a line and is no failure: the runs are
    what they are.
    """
    console = Console()
    first, *others = paths
    records: list[Mapping[str, Any]] = []
    try:
        records = [comparison(CompareConfig(a=first, b=other)) for other in others]
        console.print(_table(paths, records))
    except OrderError as error:
        print_line(console, f"Not compared: {error}")
    print_line(console, f"Report: {write_sweep(paths, records)}")
    if records:
        print_line(console, f"Closer: {shlex.join(['longriver', 'compare', *paths[:2]])}")


def _table(paths: Sequence[str], records: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("run", overflow="fold")
    for name in ("bits/byte", "to the first", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(Text(paths[0]), ratio(records[0]["bits_per_byte_a"]), "", "")
    for other, record in zip(paths[1:], records, strict=True):
        table.add_row(Text(other), ratio(record["bits_per_byte_b"]), *difference(record))
    return table
