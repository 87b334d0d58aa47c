"""From a run folder to the bytes of its report."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from longriver.engine.errors import OrderError
from longriver.jobs.report.curves import by_group, by_length, by_position, spread
from longriver.jobs.report.dead import dead_letters
from longriver.jobs.report.embeddings import embeddings
from longriver.jobs.report.evaluated import evaluated
from longriver.jobs.report.extremes import (
    chosen_documents,
    wanted_segments,
    worst_and_best_documents,
    worst_and_best_segments,
)
from longriver.jobs.report.generated import generated
from longriver.jobs.report.heat import heat_map
from longriver.jobs.report.pace import pace
from longriver.jobs.report.page import page
from longriver.jobs.report.parts import Section, grid
from longriver.jobs.report.run import Run
from longriver.jobs.report.scored import (
    NUM_SAMPLE,
    Documents,
    Segments,
    survey_documents,
    survey_segments,
)
from longriver.jobs.report.survey import Extreme
from longriver.jobs.report.tokens import tokenizer_of
from longriver.jobs.report.what_was_run import figures, subtitle, title, what_was_run
from longriver.jobs.score_config import ScoreConfig

NUM_HEAT_MAPS = 2
"""Of the worst documents, and of the best."""


def draw(run: Run, wanted: Sequence[str] = ()) -> bytes:
    """The report; the same folder gives the same bytes.

    Args:
        wanted: ids of documents whose text is to be shown with its surprise.

    Raises:
        OrderError: there is no such document, or the run shows none.
    """
    _refuse_no_effect(run, wanted)
    sections = (
        figures(run),
        *_scored(run, tuple(wanted)),
        evaluated(run),
        generated(run),
        embeddings(run),
        pace(run),
        dead_letters(run),
        what_was_run(run),
    )
    found = [section for section in sections if section is not None]
    return page(title(run), subtitle(run), found)


def segment_tokens(run: Run) -> int | None:
    """Of the table ``segments``, where the run has one."""
    job = run.config.job
    score = job if isinstance(job, ScoreConfig) else getattr(job, "score", None)
    return score.segment_tokens if score is not None and "segments" in run.order.tables else None


def _scored(run: Run, wanted: tuple[str, ...]) -> Iterator[Section | None]:
    table = run.scored
    if table is None:
        return
    if not run.size(table):
        _named(run, {}, wanted)
        return
    size = segment_tokens(run)
    segments = survey_segments(run.folder) if size is not None else Segments()
    documents = Documents(
        size,
        np.array(wanted_segments(segments), np.int64),
        max(-(-run.size(table) // NUM_SAMPLE), 1),
        wanted,
    )
    survey_documents(run.folder, table, documents)
    chosen = [*_named(run, documents.named, wanted), *chosen_documents(documents, NUM_HEAT_MAPS)]
    curves = (
        by_position(run, segments.positions()),
        by_group(run),
        spread(documents),
        by_length(run, documents, table),
    )
    yield Section("What text costs", (grid(*(curve for curve in curves if curve is not None)),))
    yield worst_and_best_documents(run, documents, table)
    if size is not None:
        yield worst_and_best_segments(run, segments, documents, table)
        shown = list({each.row: each for each in chosen}.values())
        yield heat_map(run, table, shown, size, tokenizer_of(run))


def _refuse_no_effect(run: Run, wanted: Sequence[str]) -> None:
    if wanted and "segments" not in run.order.tables:
        raise OrderError(
            f"documents={','.join(wanted)} has no effect: {run.folder.url} has no table segments, "
            "by which texts are shown with their surprise; leave it out, or give a run of score"
        )


def _named(run: Run, named: Mapping[str, Extreme], wanted: Sequence[str]) -> list[Extreme]:
    for name in wanted:
        if name not in named:
            raise OrderError(
                f"documents={name}: {run.folder.url} has no such document; ids are in the column "
                f"document_id of its table {run.scored}"
            )
    return [named[name] for name in wanted]
