"""What a plan says to a person: what would be read, what is wrong with it, how long it takes."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import count, data_size, duration
from longriver.pipeline.plan import Plan
from longriver.pipeline.shard import Piece

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast this machine's engine reads: measured, not promised."""

    tokens_per_s: float
    bytes_per_s: float


def print_plan(console: Console, plan: Plan) -> None:
    pieces = [piece for shard in plan.shards for piece in shard.pieces]
    console.print(formats_table(pieces))
    print_line(console, _shard_line(plan))
    for line in _problem_lines(pieces):
        print_line(console, line)


def print_time(console: Console, plan: Plan, rate: Rate, num_workers: int) -> None:
    """Says how long the plan takes ``num_workers`` workers that read at ``rate`` each."""
    seconds = plan.num_bytes / (rate.bytes_per_s * num_workers)
    speed = f"{count(rate.tokens_per_s)} tokens/s ({data_size(rate.bytes_per_s)}/s)"
    whose = "for 1 worker" if num_workers == 1 else f"for each of {count(num_workers)} workers"
    print_line(console, f"Time:     about {duration(seconds)}, at {speed} {whose}")


def print_no_time(console: Console, reason: str) -> None:
    """Says why there is no telling how long the plan takes."""
    print_line(console, f"Time:     not measured: {reason}")


def formats_table(pieces: Iterable[Piece]) -> Table:
    """One row a format, and one for all of them."""
    by_format: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_format.setdefault(piece.format, []).append(piece)
    table = Table(box=box.SIMPLE, pad_edge=False, show_footer=len(by_format) > 1)
    everything = _counts([piece for some in by_format.values() for piece in some])
    table.add_column("format", "all", no_wrap=True)
    for name, figure in zip(("files", "rows", "text"), everything, strict=True):
        table.add_column(name, figure, justify="right", no_wrap=True)
    for name, some in sorted(by_format.items()):
        table.add_row(name, *_counts(some))
    return table


def _counts(pieces: list[Piece]) -> tuple[str, str, str]:
    """Files, rows (which only reading tells of a compressed file) and bytes."""
    rows = [piece.num_rows for piece in pieces if piece.problem is None]
    known = sum(num_rows for num_rows in rows if num_rows is not None)
    num_rows = count(known) if None not in rows else f"{count(known)} + ?" if known else "?"
    num_files = len({piece.source for piece in pieces})
    return count(num_files), num_rows, data_size(sum(piece.num_bytes for piece in pieces))


def _shard_line(plan: Plan) -> str:
    largest = max((shard.num_bytes for shard in plan.shards), default=0)
    return f"Shards:   {count(len(plan.shards))}, the largest with {data_size(largest)} of text"


def _problem_lines(pieces: list[Piece]) -> list[str]:
    bad = [piece for piece in pieces if piece.problem is not None]
    if not bad:
        return ["Problems: none found"]
    lines = [f"  {piece.source}: {piece.problem}" for piece in bad[:MAX_PROBLEMS]]
    more = [f"  and {count(len(bad) - MAX_PROBLEMS)} more"] if len(bad) > MAX_PROBLEMS else []
    return [f"Problems: {count(len(bad))}, which would be dead letters", *lines, *more]
