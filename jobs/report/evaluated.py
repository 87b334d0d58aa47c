"""The section on what the evaluate job found: how often it was right, where, at which price."""

from collections.abc import Iterator, Mapping

import numpy as np

from longriver.jobs.report.asked import ANSWER_BYTES, CONTEXT_BYTES
from longriver.jobs.report.charts import Bar, bar_chart, column_chart
from longriver.jobs.report.extremes import no_text, passage_of, passages, text_row
from longriver.jobs.report.markup import Html, short_name, tag
from longriver.jobs.report.parts import Section, cards, figure, grid
from longriver.jobs.report.run import Run, figure_of, record, records, whole
from longriver.jobs.report.survey import Extremes, Spread
from longriver.jobs.report.texts import decoded
from longriver.pipeline.columns import columns_of
from longriver.pipeline.excerpt import NoText, Passage
from longriver.pipeline.figures import counted, ratio
from longriver.pipeline.table import Row

TABLE = "evaluate"
NAMES = (
    *("document_id", "source", "source_row"),
    *("gold_tokens", "gold_bytes", "gold_nll", "correct"),
)
NUM_EXTREMES = 8
SURE = 1.96
"""Standard errors to either side of a mean that make a 95 % interval."""


def evaluated(run: Run) -> Section | None:
    if TABLE not in run.order.tables or not run.size(TABLE):
        return None
    found = run.findings(TABLE)
    spread, extremes = _survey(run)
    figures = [_spread(spread), _by_group(run, found)]
    rows = run.rows(TABLE, [each.row for each in extremes.high], NAMES)
    run.texts.fetch(map(_asked, rows.values()))
    worst = [_example(run, rows[each.row]) for each in extremes.high]
    return Section(
        "Evaluation",
        (
            cards(list(_cards(found))),
            grid(*(each for each in figures if each is not None)),
            tag("h3", "Least expected answers"),
            passages(("example", "tokens", "nats", "what should follow"), worst),
        ),
    )


def _cards(found: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for key, name in (("accuracy", "accuracy"), ("accuracy_norm", "accuracy, by length")):
        value, error = figure_of(found.get(key)), figure_of(found.get(f"{key}_stderr"))
        if value is not None:
            yield name, f"{value:.2%}", "" if error is None else f"± {100 * error:.2f}"
    if found["task"] == "multiple_choice":
        return
    value = figure_of(found.get("gold_perplexity"))
    error = figure_of(found.get("gold_perplexity_stderr"))
    yield "gold perplexity", ratio(value), "" if error is None else f"± {ratio(error)}"


def _survey(run: Run) -> tuple[Spread, Extremes]:
    spread, extremes = Spread(), Extremes(NUM_EXTREMES)
    num_rows = 0
    for (nll,) in columns_of(run.folder, TABLE, ["gold_nll"]):
        nats = np.asarray(nll, np.float64)
        rows = np.arange(num_rows, num_rows + len(nats))
        num_rows += len(nats)
        spread.add(nats)
        able = np.isfinite(nats)
        extremes.add(nats[able], rows[able], rows[able])
    return spread, extremes


def _spread(spread: Spread) -> Html:
    edges, counts = spread.columns()
    tips = [
        f"{low:.3g} to {high:.3g} nats\n{counted(n, 'example')}"
        for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    title = "examples by the nats of their answer"
    chart = column_chart(title, "nats of the right answer", "examples", edges, counts, tips)
    return figure("Answers", chart, "The outermost columns take in what lies beyond them.")


def _by_group(run: Run, found: Mapping[str, object]) -> Html | None:
    groups = [each for each in records(found.get("groups")) if "accuracy" in each]
    if not groups:
        return None
    largest = sorted(groups, key=lambda each: -(figure_of(each["num_examples"]) or 0))[:30]
    chart = bar_chart("accuracy by group", "accuracy", [_bar(each) for each in largest])
    columns = ", ".join(run.config.data.group_columns)
    remark = f"By {columns}; the lines are 95 % intervals."
    return figure("Accuracy by group", chart, remark)


def _bar(group: Mapping[str, object]) -> Bar:
    name = " / ".join(short_name(value) for value in record(group["group"]).values())
    value, error = figure_of(group["accuracy"]) or 0.0, figure_of(group["accuracy_stderr"])
    number = int(figure_of(group["num_examples"]) or 0)
    tip = f"{name}\n{value:.2%} of {counted(number, 'example')}"
    if error is None:
        return Bar(name, value, tip)
    return Bar(name, value, tip, max(value - SURE * error, 0.0), min(value + SURE * error, 1.0))


def _example(run: Run, row: Row) -> Html:
    where = "right all the same" if row["correct"] else "wrong"
    num_tokens, nats = whole(row["gold_tokens"]), float(str(row["gold_nll"]))
    text = _shown(run, row)
    return text_row(row["document_id"], row["source"], where, num_tokens, nats, text)


def _shown(run: Run, row: Row) -> Html:
    """The answer stands out from what is before it."""
    try:
        data = run.texts.data(_asked(row))
    except NoText as missing:
        return no_text(missing)
    end = len(data) - min(whole(row["gold_bytes"]), ANSWER_BYTES)
    before, answer = decoded(data[:end], is_inner=True), decoded(data[end:], is_inner=False)
    return tag("div", before, tag("strong", answer), class_="passage asked", dir="auto")


def _asked(row: Row) -> Passage:
    return passage_of(row, 0, CONTEXT_BYTES + ANSWER_BYTES)
