"""How the work went: tokens a second over time, pauses left out, and every worker's share."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np

from longriver.jobs.report.charts import Bar, Point, Series, bar_chart, line_chart
from longriver.jobs.report.markup import Html, short_name
from longriver.jobs.report.parts import Cell, Section, figure, grid, table
from longriver.jobs.report.run import Run
from longriver.jobs.report.survey import Floats
from longriver.pipeline.figures import count, counted, duration
from longriver.pipeline.pace_of_run import shares
from longriver.pipeline.receipt import Receipt

MAX_BINS, MAX_BARS = 120, 25
PAUSE_S = 60.0
UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
Span = tuple[float, float, int]
"""When work on a shard began and ended, and its tokens."""


def pace(run: Run) -> Section | None:
    spans = sorted(_spans(run.receipts))
    if not spans:
        return None
    return Section("Throughput", (grid(_over_time(spans), _by_worker(run)),))


def without_pauses(spans: Sequence[Span]) -> tuple[list[Span], int]:
    """Spans on a clock that stands still while no worker is at a shard, and how often it does.

    Less than ``PAUSE_S`` is no pause, but time in which nothing was done.
    """
    moved: list[Span] = []
    clock, covered, num_pauses = 0.0, spans[0][0], 0
    for begun, ended, tokens in spans:
        if begun - covered > PAUSE_S:
            num_pauses += 1
            clock += begun - covered
        moved.append((begun - spans[0][0] - clock, ended - spans[0][0] - clock, tokens))
        covered = max(covered, ended)
    return moved, num_pauses


def rates(spans: Sequence[Span], num_bins: int) -> tuple[float, Floats]:
    """The width of equal bins of time, and the tokens a second in each.

    A shard's tokens are taken to be spread evenly over the time that was spent on it.
    """
    total = max(ended for _, ended, _ in spans)
    width = total / num_bins
    tokens = np.zeros(num_bins)
    edges = np.arange(num_bins + 1) * width
    for begun, ended, number in spans:
        shared = np.clip(np.minimum(edges[1:], ended) - np.maximum(edges[:-1], begun), 0, None)
        tokens += number * shared / max(ended - begun, 1e-9)
    return width, tokens / width


def _over_time(spans: Sequence[Span]) -> Html:
    moved, num_pauses = without_pauses(spans)
    total = max(ended for _, ended, _ in moved)
    unit, name = next((u for u in UNITS if total >= 2 * u[0]), UNITS[-1])
    width, found = rates(moved, min(MAX_BINS, max(2 * len(spans), 2)))
    points = [
        Point(
            (i + 0.5) * width / unit,
            rate,
            f"after {duration((i + 0.5) * width)}\n{count(rate)} tokens/s",
        )
        for i, rate in enumerate(found.tolist())
    ]
    chart = line_chart(
        "tokens a second over time",
        f"time at work, in {name}",
        "tokens a second",
        [Series("all workers", points)],
        from_zero=True,
    )
    paused = f" {counted(num_pauses, 'pause')} of the run left out." if num_pauses else ""
    remark = f"By the receipts: a shard's tokens count evenly over the time spent on it.{paused}"
    return figure("Over time", chart, remark)


def _by_worker(run: Run) -> Html:
    found = shares(run.receipts)
    total = sum(share.num_tokens for share in found) or 1
    bars = [
        Bar(
            short_name(share.name),
            share.num_tokens,
            f"{short_name(share.name)}\n{count(share.num_tokens)} tokens, "
            f"{share.num_tokens / total:.0%}\n{count(share.tokens_per_s or 0)} tokens/s",
        )
        for share in found[:MAX_BARS]
    ]
    rows: list[list[Cell]] = [
        [
            short_name(share.name),
            (count(share.num_shards), share.num_shards),
            (count(share.num_tokens), share.num_tokens),
            (duration(share.seconds), share.seconds),
            (count(share.tokens_per_s or 0), share.tokens_per_s or 0.0),
        ]
        for share in found[:200]
    ]
    left_out = len(found) - MAX_BARS
    more = f" {count(left_out)} more have done less." if left_out > 0 else ""
    remark = f"{counted(len(found), 'worker')}; attempts that came to nothing do not count.{more}"
    numbers = table(("worker", "shards", "tokens", "at work", "tokens/s"), rows)
    return figure("By worker", bar_chart("tokens by worker", "tokens", bars), remark, numbers)


def _spans(receipts: Iterable[Receipt]) -> Iterator[Span]:
    """A time that is none decides nothing here."""
    for receipt in receipts:
        try:
            ended = datetime.fromisoformat(receipt.finished_at).timestamp()
        except ValueError:
            continue
        yield ended - receipt.seconds, ended, receipt.counts.num_tokens
