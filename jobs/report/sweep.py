"""The page of a sweep: its runs in a table, each with what was swept, and the charts of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from longriver.engine.errors import OrderError
from longriver.jobs.report.charts import Bar, bar_chart
from longriver.jobs.report.markup import Html, short_name, tag
from longriver.jobs.report.page import page
from longriver.jobs.report.parts import Cell, Section, figure, grid, table
from longriver.jobs.report.swept import Swept, differing
from longriver.pipeline.figures import count, counted, duration, ratio
from longriver.pipeline.one_line import one_line
from longriver.pipeline.run_folder import SWEEP_PAGE, RunFolder

BITS = "bits per byte"

Difference = Mapping[str, Any]
"""What ``longriver compare --json`` prints, of the first run and another."""


def _percent(part: float) -> str:
    return f"{part:.2%}"


FIGURES: Mapping[str, tuple[Callable[[Swept], float | None], Callable[[float], str]]] = {
    "documents": (lambda run: run.figure("num_documents"), count),
    "dead letters": (lambda run: run.figure("num_dead"), count),
    "tokens": (lambda run: run.figure("num_tokens"), count),
    BITS: (lambda run: run.figure("bits_per_byte"), ratio),
    "perplexity": (lambda run: run.figure("perplexity"), ratio),
    "accuracy": (lambda run: run.evaluated("accuracy"), _percent),
    "accuracy, by length": (lambda run: run.evaluated("accuracy_norm"), _percent),
    "gold perplexity": (lambda run: run.evaluated("gold_perplexity"), ratio),
    "tokens/s": (lambda run: run.tokens_per_s, count),
    "time": (lambda run: run.seconds, duration),
}
"""Columns of the table, each with its number and how that is written."""


def write_sweep(paths: Sequence[str], differences: Sequence[Difference]) -> str:
    """Where the page of a sweep is, or why there is none; a sweep is worth more than its page.

    Args:
        paths: the runs' folders.
        differences: of each behind the first, to the first; none where they cannot be compared.
    """
    try:
        folders = [RunFolder.open(path) for path in paths]
        parent = _parent(folders)
        content = sweep_page([Swept.read(folder) for folder in folders], differences)
        folders[0].replace(f"{parent}/{SWEEP_PAGE}", content)
    except Exception as error:
        return f"none ({one_line(error)})"
    beside = paths[0].rstrip("/").rpartition("/")[0]
    return f"{beside}/{SWEEP_PAGE}" if beside else SWEEP_PAGE


def sweep_page(runs: Sequence[Swept], differences: Sequence[Difference]) -> bytes:
    """The whole page; links go to the runs' own pages, one folder further down."""
    keys = differing(runs)
    charts = [_bits(runs, keys), _differences(runs, differences)]
    found = [chart for chart in charts if chart is not None]
    sections = [
        Section("Runs", (_runs(runs, keys),)),
        *([Section("Side by side", (grid(*found),))] if found else []),
        Section("What was the same", (_same(runs[0], keys),)),
    ]
    swept = f"they differ in {', '.join(keys)}" if keys else "their orders are the same"
    return page("A sweep", f"{counted(len(runs), 'run')}; {swept}.", sections)


def _parent(folders: Sequence[RunFolder]) -> str:
    """The storage path of the folder that all of them lie in."""
    parents = {folder.absolute_url.rstrip("/").rpartition("/")[0] for folder in folders}
    if len(parents) > 1:
        raise OrderError("the runs lie in different folders; one for all has a page beside them")
    return folders[0].root.rpartition("/")[0]


def _runs(runs: Sequence[Swept], keys: Sequence[str]) -> Html:
    shown = [
        name for name, (get, _) in FIGURES.items() if any(get(run) is not None for run in runs)
    ]
    rows = [
        [_link(run), *(_setting(run, key) for key in keys), *(_number(run, name) for name in shown)]
        for run in runs
    ]
    return table(("run", *keys, *shown), rows)


def _link(run: Swept) -> Html:
    name = short_name(run.name)
    href = f"{quote(run.name, safe='', errors='surrogateescape')}/report.html"
    return tag("a", name, href=href) if run.has_report else tag("span", name)


def _setting(run: Swept, key: str) -> str:
    return short_name(run.order[key]) if key in run.order else "-"


def _number(run: Swept, name: str) -> Cell:
    get, written = FIGURES[name]
    value = get(run)
    return "-" if value is None else (written(value), value)


def _bits(runs: Sequence[Swept], keys: Sequence[str]) -> Html | None:
    bars = []
    for run in runs:
        bits = run.figure("bits_per_byte")
        if bits is not None:
            settings = "".join(f"\n{key}={_setting(run, key)}" for key in keys)
            tip = f"{short_name(run.name)}\n{ratio(bits)} {BITS}{settings}"
            bars.append(Bar(short_name(run.name), bits, tip, *(run.bits_95 or ())))
    if not bars:
        return None
    remark = "Over all documents of a run."
    if any(bar.low is not None for bar in bars):
        remark += " The lines are 95 % intervals, by resampling documents."
    return figure("Bits per byte", bar_chart("bits per byte of each run", BITS, bars), remark)


def _differences(runs: Sequence[Swept], differences: Sequence[Difference]) -> Html | None:
    bars = [
        _difference(run, found)
        for run, found in zip(runs[1:], differences, strict=False)
        if found["difference"] is not None
    ]
    if not bars:
        return None
    title = f"to {short_name(runs[0].name)}, {BITS}"
    chart = bar_chart("difference to the first run", title, bars)
    remark = (
        "Of the same documents; below 0 a run needs fewer bits than the first. "
        "The lines are 95 % intervals of the difference."
    )
    return figure("Difference to the first run", chart, remark)


def _difference(run: Swept, found: Difference) -> Bar:
    name, value = short_name(run.name), found["difference"]
    tip = f"{name}\n{value:+.4g} {BITS}\n{counted(found['num_documents'], 'document')}"
    return Bar(name, value, tip, *(found["difference_95"] or ()))


def _same(run: Swept, keys: Sequence[str]) -> Html:
    rows = [[key, value] for key, value in run.order.items() if key not in {*keys, "output.path"}]
    whole = table(("key", "value"), rows)
    return tag("details", tag("summary", "The order, where it is the same for all"), whole)
