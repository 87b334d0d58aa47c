"""A small table of names and figures, as every command prints it."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table


def print_figures(console: Console, rows: Mapping[str, str]) -> None:
    """Prints one row for each name; long figures fold, names do not."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, figure in rows.items():
        table.add_row(name, figure)
    console.print(table)
