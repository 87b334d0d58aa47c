"""Time against document length, as a picture: linear here, quadratic in a transformer."""

import statistics
from collections.abc import Callable
from pathlib import Path

from tests.bench.installed import is_missing
from tests.bench.lengths import contexts_section, neox_named, ours_named
from tests.bench.session import Bench

LINES = (("RWKV-7 in longriver", ours_named), ("GPT-NeoX in transformers", neox_named))

Points = list[tuple[int, float]]


def draw(bench: Bench) -> Path | None:
    """Writes an SVG beside the JSON and returns its path; None where there is nothing to draw."""
    lines = {label: _points(bench, named) for label, named in LINES}
    if not any(lines.values()) or is_missing(bench, "matplotlib"):
        return None
    path = bench.out.with_suffix(".svg")
    _draw({label: points for label, points in lines.items() if points}, path)
    return path


def _points(bench: Bench, named: Callable[[int], str]) -> Points:
    """Tokens of a document and seconds of CPU time, the median round."""
    section = contexts_section(bench)
    rows = {row.name: row for row in bench.report.rows if row.section == section}
    return [
        (length, statistics.median(sample.cpu_s for sample in rows[named(length)].rounds))
        for length in bench.scale.contexts
        if named(length) in rows
    ]


def _draw(lines: dict[str, Points], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for label, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set_xlabel("tokens in the document")
    axes.set_ylabel("seconds on one thread")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path)
