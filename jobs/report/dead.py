"""What could not be done: dead letters by reason, with the first few of each."""

import math
from collections import Counter

from longriver.jobs.report.charts import Bar, bar_chart
from longriver.jobs.report.markup import short_name, without_secrets
from longriver.jobs.report.parts import Cell, Section, figure, grid, paragraph, table
from longriver.jobs.report.run import Run
from longriver.pipeline.columns import Lists, Values, columns_of
from longriver.pipeline.figures import count, counted
from longriver.pipeline.table import DEAD

NUM_EXAMPLES, MAX_DETAIL = 5, 300
HEADS = ("reason", "document", "source", "row", "rows lost", "detail")


def dead_letters(run: Run) -> Section:
    counts, examples = _survey(run)
    if not counts:
        return Section("Dead letters", (paragraph("None: every document could be done."),))
    bars = [
        Bar(reason, number, f"{reason}\n{counted(number, 'dead letter')}")
        for reason, number in counts.most_common()
    ]
    chart = bar_chart("dead letters by reason", "dead letters", bars)
    remark = "longriver retry-dead does them again, where something else than they was at fault."
    rows: list[list[Cell]] = [
        [
            reason,
            short_name(name),
            short_name(source),
            _number(row),
            _number(lost),
            without_secrets(str(detail or ""))[:MAX_DETAIL],
        ]
        for reason, some in examples.items()
        for name, source, row, lost, detail in some
    ]
    return Section(
        "Dead letters",
        (grid(figure("By reason", chart, remark)), table(HEADS, rows)),
    )


def _survey(run: Run) -> tuple[Counter[str], dict[str, list[tuple[object, ...]]]]:
    counts: Counter[str] = Counter()
    examples: dict[str, list[tuple[object, ...]]] = {}
    names = ("reason", "document_id", "source", "source_row", "num_rows", "detail")
    for reasons, *columns in columns_of(run.folder, DEAD.name, names):
        assert isinstance(reasons, list)
        counts.update(str(reason) for reason in reasons)
        for index, reason in enumerate(reasons):
            some = examples.setdefault(str(reason), [])
            if len(some) < NUM_EXAMPLES:
                some.append(tuple(_cell(column, index) for column in columns))
    return counts, examples


def _cell(column: Values, index: int) -> object:
    assert not isinstance(column, Lists), "dead letters have none"
    cell: object = column[index]
    return cell


def _number(value: object) -> Cell:
    """A dash for a number that is not known."""
    number = float(str(value))
    return ("-", -1.0) if math.isnan(number) else (count(number), number)
