"""The section on what the generate job wrote: some continuations, and why they ended."""

from longriver.jobs.report.charts import Bar, bar_chart
from longriver.jobs.report.extremes import passage_of, shown_text
from longriver.jobs.report.markup import Html, joined, short_name, tag
from longriver.jobs.report.parts import Section, figure, grid, paragraph
from longriver.jobs.report.run import Run, figure_of, record, whole
from longriver.jobs.report.survey import sample_rows
from longriver.pipeline.excerpt import Passage
from longriver.pipeline.figures import count, counted
from longriver.pipeline.table import Row

TABLE = "generate"
NAMES = ("document_id", "source", "source_row", "num_prompt_bytes", "texts", "finish_reasons")
NUM_SHOWN, MAX_SAMPLES, PROMPT_BYTES, MAX_CHARS = 10, 3, 300, 1500


def generated(run: Run) -> Section | None:
    if TABLE not in run.order.tables or not run.size(TABLE):
        return None
    size = run.size(TABLE)
    chosen = sample_rows(size, NUM_SHOWN)
    rows = run.rows(TABLE, chosen, NAMES)
    run.texts.fetch(map(_end, rows.values()))
    remark = f"{count(len(chosen))} of {counted(size, 'document')}; each prompt by its end."
    written = (_continuations(run, row) for row in rows.values())
    return Section("Continuations", (grid(_reasons(run)), paragraph(remark), *written))


def _reasons(run: Run) -> Html:
    reasons = record(run.findings(TABLE).get("finish_reasons"))
    numbers = {name: figure_of(value) or 0.0 for name, value in reasons.items()}
    bars = [
        Bar(name, number, f"{name}\n{counted(int(number), 'continuation')}")
        for name, number in numbers.items()
    ]
    chart = bar_chart("continuations by why they ended", "continuations", bars)
    return figure("Why they ended", chart, "length: after job.max_tokens.")


def _continuations(run: Run, row: Row) -> Html:
    prompt = shown_text(run, _end(row))
    samples = zip(_texts(row["texts"]), _texts(row["finish_reasons"]), strict=True)
    written = [
        tag("div", text[:MAX_CHARS], tag("small", f" [{reason}]"), class_="written", dir="auto")
        for text, reason in list(samples)[:MAX_SAMPLES]
    ]
    head = tag("h3", short_name(row["document_id"]))
    return tag("div", head, prompt, joined(written), class_="document")


def _texts(cell: object) -> list[str]:
    assert hasattr(cell, "tolist")
    return [str(each) for each in cell.tolist()]


def _end(row: Row) -> Passage:
    """The end of the prompt."""
    size = whole(row["num_prompt_bytes"])
    start = max(size - PROMPT_BYTES, 0)
    return passage_of(row, start, size - start)
