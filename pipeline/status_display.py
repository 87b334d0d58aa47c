"""How far a run is, as a person reads it."""

import shlex
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.pipeline.at_work import Driver
from longriver.pipeline.closing_table import print_line
from longriver.pipeline.figures import count, data_size, duration
from longriver.pipeline.figures_table import print_figures
from longriver.pipeline.status import RunStatus

MAX_ROWS = 20


def print_status(console: Console, run_path: str, status: RunStatus) -> None:
    """Figures, then what is not as it should be, then what to do next."""
    print_figures(console, _figures(status))
    _print_workers(console, status)
    _print_troubles(console, status)
    _print_in_flight(console, status)
    print_line(console, _next(shlex.quote(run_path), status))


def _figures(status: RunStatus) -> dict[str, str]:
    done = f"{data_size(status.num_bytes_done)} of {data_size(status.num_bytes)}"
    share = status.num_bytes_done / status.num_bytes if status.num_bytes else 1.0
    rows = {
        "shards": f"{count(status.num_shards_done)} of {count(status.num_shards)}",
        "text": f"{done} ({share:.0%})",
        "documents": count(status.num_documents),
        "dead letters": _dead(status),
        "tokens": count(status.num_tokens),
        "tokens/s": "-" if status.tokens_per_s is None else count(status.tokens_per_s),
        "last commit": status.last_commit or "none yet",
        "driver": _driver(status.driver),
    }
    if status.num_shards_done < status.num_shards:
        rows["time left"] = _time_left(status)
    return rows


def _dead(status: RunStatus) -> str:
    reasons = [f"{reason} {count(number)}" for reason, number in status.dead_reasons.items()]
    number = count(sum(status.dead_reasons.values()))
    return f"{number}: {', '.join(reasons)}" if reasons else number


def _driver(driver: Driver | None) -> str:
    if driver is None:
        return "none at work"
    who = f"pid {driver.pid} on {driver.host}, since {driver.since}"
    match driver.is_alive:
        case True:
            return f"at work: {who}"
        case False:
            return f"none at work; {who} is dead"
        case None:
            return f"{who}; only there can be told whether it lives"


def _time_left(status: RunStatus) -> str:
    if status.seconds_left is None:
        return "unknown yet"
    return f"{duration(status.seconds_left)}, at the pace so far"


def _print_workers(console: Console, status: RunStatus) -> None:
    rows = [
        (
            share.name,
            count(share.num_shards),
            count(share.num_tokens),
            "-" if share.tokens_per_s is None else count(share.tokens_per_s),
        )
        for share in status.workers
    ]
    _print_rows(console, ("worker", "shards", "tokens", "tokens/s"), rows)


def _print_troubles(console: Console, status: RunStatus) -> None:
    """An attempt that is in hand has left a crumb like one that died."""
    is_at_work = status.driver is not None and status.driver.is_alive is not False
    worst = sorted(status.troubles, key=lambda each: (-each.num_attempts, each.shard))
    rows = [
        (each.shard, *map(count, (each.num_attempts, each.num_suspects, each.num_convicted)))
        for each in worst
    ]
    head = "attempts not ended" if is_at_work else "deaths"
    _print_rows(console, ("shard", head, "suspects", "convicted"), rows)
    if rows and is_at_work:
        print_line(console, "Of each shard's attempts, one may be at work now; others are deaths.")


def _print_in_flight(console: Console, status: RunStatus) -> None:
    rows = [(each.document_id, each.shard, count(each.num_tokens)) for each in status.in_flight]
    _print_rows(console, ("document in flight", "shard", "tokens saved"), rows)


def _print_rows(console: Console, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The first rows of a table; nothing where there are none."""
    rows = list(rows)
    if not rows:
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column(heads[0], style="bold", overflow="fold")
    for head in heads[1:]:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows[:MAX_ROWS]:
        table.add_row(*map(Text, row))
    console.print(table)
    if (more := len(rows) - MAX_ROWS) > 0:
        print_line(console, f"and {count(more)} more; json=true lists them")


def _next(path: str, status: RunStatus) -> str:
    if not status.is_complete:
        return "The run is not complete: the command that began it does what is left."
    if status.dead_reasons:
        return f"The run is complete. Dead letters again: longriver retry-dead output.path={path}"
    return f"The run is complete. Next: longriver verify output.path={path}"
