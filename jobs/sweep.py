"""The end of a sweep: its runs side by side, each against the first."""

import shlex
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.engine.errors import OrderError
from longriver.jobs.compare import comparison
from longriver.jobs.compare_display import difference
from longriver.jobs.config import CompareConfig
from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import ratio


def print_sweep(paths: Sequence[str]) -> None:
    """Bits per byte of every run, and the paired difference to the first one's.

    Where there is nothing to compare, the reason is said in a line and is no failure: the runs are
    what they are.
    """
    console = Console()
    first, *others = paths
    try:
        records = [comparison(CompareConfig(a=first, b=other)) for other in others]
    except OrderError as error:
        print_line(console, f"Not compared: {error}")
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("run", overflow="fold")
    for name in ("bits/byte", "to the first", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(Text(first), ratio(records[0]["bits_per_byte_a"]), "", "")
    for other, record in zip(others, records, strict=True):
        table.add_row(Text(other), ratio(record["bits_per_byte_b"]), *difference(record))
    console.print(table)
    print_line(console, f"Closer: {shlex.join(['longriver', 'compare', *paths[:2]])}")
