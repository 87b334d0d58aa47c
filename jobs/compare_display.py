"""What a person sees of two runs side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import count, counted, ratio
from longriver.pipeline.one_line import printable_line

Record = Mapping[str, Any]

MAX_GROUPS, MAX_NAMED = 20, 5


def print_comparison(console: Console, record: Record) -> None:
    """The runs, the difference with its interval, then positions, groups and documents."""
    for side in ("a", "b"):
        about = record[side]
        print_line(
            console,
            f"{side.upper()}  {about['path']}: {about['model']}, {about['context_policy']}, "
            f"{about['dtype']}",
        )
    console.print(_corpus(record))
    for line in _unpaired(record):
        print_line(console, line)
    if record["by_position"]:
        console.print(_positions(record["by_position"]))
    if record["groups"]:
        console.print(_groups(record["groups"]))
        if (more := len(record["groups"]) - MAX_GROUPS) > 0:
            print_line(console, f"{counted(more, 'smaller group')}: see --json")
    for side in ("a", "b"):
        _print_extremes(console, side, record[f"{side}_better"])
    print_line(console, _verdict(record))


def _corpus(record: Record) -> Table:
    table = _table("", "A", "B", "B - A", "95 % interval")
    figures = (record["bits_per_byte_a"], record["bits_per_byte_b"])
    table.add_row("bits per byte", *map(ratio, figures), *difference(record))
    shares = (f"{record[f'share_{side}_better']:.1%}" for side in ("a", "b"))
    table.add_row("better at documents", *shares, "", f"of {count(record['num_documents'])}")
    return table


def _positions(rows: Sequence[Record]) -> Table:
    table = _table("tokens", "A", "B", "B - A", "of so many")
    for row in rows:
        a, b = row["nll_per_token_a"], row["nll_per_token_b"]
        name = f"{count(row['first_token'])} to {count(row['last_token'])}"
        table.add_row(name, ratio(a), ratio(b), _signed(b - a), count(row["num_tokens"]))
    table.title, table.title_justify = "nats per token, by position in the document", "left"
    return table


def _groups(rows: Sequence[Record]) -> Table:
    table = _table("group", "A", "B", "B - A", "95 % interval", "documents")
    largest = sorted(rows, key=lambda row: -row["num_documents"])[:MAX_GROUPS]
    for row in largest:
        name = ", ".join(
            "(null)" if value is None else str(value) for value in row["group"].values()
        )
        figures = (ratio(row["bits_per_byte_a"]), ratio(row["bits_per_byte_b"]))
        table.add_row(
            Text(printable_line(name)), *figures, *difference(row), count(row["num_documents"])
        )
    table.title, table.title_justify = "bits per byte, by group", "left"
    return table


def _print_extremes(console: Console, side: str, rows: Sequence[Record]) -> None:
    if not rows:
        return
    table = _table("document", "A", "B", "B - A")
    for row in rows[:MAX_NAMED]:
        figures = (ratio(row["bits_per_byte_a"]), ratio(row["bits_per_byte_b"]))
        table.add_row(
            Text(printable_line(row["document_id"])), *figures, _signed(row["difference"])
        )
    table.title, table.title_justify = f"where {side.upper()} is ahead by most", "left"
    console.print(table)


def _unpaired(record: Record) -> list[str]:
    only = {side: record[f"only_in_{side}"] for side in ("a", "b")}
    return [
        f"{counted(number, 'document')} only in {side.upper()}: left out"
        for side, number in only.items()
        if number
    ]


def _verdict(record: Record) -> str:
    interval = record["difference_95"]
    if record["num_resamples"] == 0:
        return "No interval was asked for, so whether it is chance cannot be said."
    if interval is None:
        return "Too few documents for an interval."
    if interval[0] > 0:
        return "A needs fewer bits, by more than chance."
    if interval[1] < 0:
        return "B needs fewer bits, by more than chance."
    return "The interval has 0 in it: on these documents the runs cannot be told apart."


def difference(record: Record) -> tuple[str, str]:
    """By how many bits per byte B is worse, and the interval."""
    interval = record["difference_95"]
    if record["difference"] is None:
        return "-", "-"
    shown = "-" if interval is None else " to ".join(map(_signed, interval))
    return _signed(record["difference"]), shown


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
