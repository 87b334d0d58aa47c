"""Vectors in two dimensions: the two directions in which a sample of them varies most."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from longriver.jobs.report.charts import Point, Series, scatter_chart
from longriver.jobs.report.markup import Html, short_name, tag
from longriver.jobs.report.parts import Section, figure, grid
from longriver.jobs.report.plot import NUM_COLORS
from longriver.jobs.report.run import Run
from longriver.jobs.report.survey import Floats, sample_rows
from longriver.pipeline.columns import columns_of
from longriver.pipeline.figures import count
from longriver.pipeline.table import Row

NUM_SAMPLE = 1000
DOCUMENTS, SEGMENTS = "embed", "embed_segments"
TABLES = {DOCUMENTS: "Documents", SEGMENTS: "Segments"}
OTHERS = "others"


def embeddings(run: Run) -> Section | None:
    figures = [
        _figure(run, table, title)
        for table, title in TABLES.items()
        if "vector" in run.columns(table) and run.size(table) > 2
    ]
    return Section("Embeddings", (grid(*figures),)) if figures else None


def plane(vectors: Floats) -> tuple[Floats, list[float]]:
    """Principal components [n, 2] of vectors [n, D], and the part of the variance that each has.

    Signs are chosen so that the coordinate farthest from zero is positive.
    """
    centered = vectors - vectors.mean(axis=0)
    found = _components(centered)
    farthest = found[np.abs(found).argmax(axis=0), [0, 1]]
    total = float((centered**2).sum())
    parts = [float(each) / total if total else 0.0 for each in (found**2).sum(axis=0)]
    return found * np.where(farthest < 0, -1, 1), parts


def _components(centered: Floats) -> Floats:
    """[n, 2], by the smaller of the two matrices that have the same eigenvalues."""
    num_vectors, width = centered.shape
    if width <= num_vectors:
        _, directions = np.linalg.eigh(centered.T @ centered)
        along: Floats = centered @ directions[:, :-3:-1]
        return along
    values, directions = np.linalg.eigh(centered @ centered.T)
    found: Floats = directions[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0))
    return found


def _figure(run: Run, table: str, title: str) -> Html:
    size = run.size(table)
    chosen = sample_rows(size, NUM_SAMPLE)
    groups = [name for name in run.config.data.group_columns if name in run.columns(table)]
    more = [name for name in ("segment_index",) if name in run.columns(table)]
    names = ("document_id", "source", "vector", *groups, *more)
    rows = list(run.rows(table, chosen, names).values())
    if table == SEGMENTS and run.config.data.group_columns:
        groups = list(run.config.data.group_columns)
        rows = _with_groups(run, rows, groups)
    vectors = np.stack([_numbers(row["vector"]) for row in rows])
    able = [bool(np.isfinite(vector).all()) for vector in vectors]
    places, parts = plane(vectors[able])
    rows = [row for row, is_able in zip(rows, able, strict=True) if is_able]
    what, labels = _labels(rows, groups)
    series = list(_series(places, rows, labels))
    x, y = (f"component {i + 1}: {part:.0%}" for i, part in enumerate(parts))
    chart = scatter_chart(f"{title} in two dimensions", x, y, series)
    some = "" if len(chosen) == size else f"A sample of {count(len(chosen))} of {count(size)}. "
    remark = f"{some}{what}The two principal components, with their parts of the variance."
    return figure(f"{title} in two dimensions", tag("div", chart, class_="cloud"), remark)


def _with_groups(run: Run, rows: Sequence[Row], groups: Sequence[str]) -> list[Row]:
    """Segments, with what the rows of their documents say of groups."""
    wanted = {(row["source"], row["document_id"]) for row in rows}
    found: dict[tuple[object, object], Row] = {}
    for columns in columns_of(run.folder, DOCUMENTS, ("source", "document_id", *groups)):
        texts = [column for column in columns if isinstance(column, list)]
        for source, name, *values in zip(*texts, strict=True):
            if (source, name) in wanted:
                found[source, name] = dict(zip(groups, values, strict=True))
    return [{**row, **found[row["source"], row["document_id"]]} for row in rows]


def _numbers(vector: object) -> Floats:
    """As numbers; of bytes, the bits that are packed in them."""
    array = np.asarray(vector)
    return (np.unpackbits(array) if array.dtype == np.uint8 else array).astype(np.float64)


def _labels(rows: Sequence[Row], groups: Sequence[str]) -> tuple[str, list[str]]:
    """What the colors mean: the first of group, file, folder and document that tells some apart."""
    ways = [(f"Colors are by {name}. ", [short_name(r[name]) for r in rows]) for name in groups]
    sources = [str(row["source"]) for row in rows]
    folders = [source.rpartition("/")[0].rpartition("/")[2] for source in sources]
    ways += [
        ("Colors are by file. ", [short_name(s.rpartition("/")[2]) for s in sources]),
        ("Colors are by folder. ", [short_name(folder) for folder in folders]),
        ("Colors are by document. ", [short_name(row["document_id"]) for row in rows]),
    ]
    for what, labels in ways:
        if 1 < len(set(labels)) <= max(len(rows) // 4, 2):
            return what, labels
    return "", ["all"] * len(rows)


def _series(places: Floats, rows: Sequence[Row], labels: Sequence[str]) -> Iterator[Series]:
    """The most frequent labels have a color each."""
    common = Counter(labels).most_common()
    kept = [name for name, _ in common[: NUM_COLORS - (len(common) > NUM_COLORS)]]
    by_label: dict[str, list[Point]] = {name: [] for name in [*kept, OTHERS]}
    for (x, y), row, label in zip(places.tolist(), rows, labels, strict=True):
        name = label if label in kept else OTHERS
        by_label[name].append(Point(x, y, _tip(row, label)))
    return (Series(name, points) for name, points in by_label.items() if points)


def _tip(row: Row, label: str) -> str:
    segment = f", segment {row['segment_index']}" if "segment_index" in row else ""
    return f"{short_name(row['document_id'])}{segment}\n{label}"
