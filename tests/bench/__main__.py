"""``make bench``: measures, prints a table, and writes JSON and a plot."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console

from longriver.engine.version import Version
from tests.bench.engines import measure_engines, measure_mixes
from tests.bench.lengths import measure_contexts, measure_lengths
from tests.bench.machine import describe
from tests.bench.null_pipeline import measure_null_pipeline, measure_plans
from tests.bench.plot import draw
from tests.bench.products import measure_products
from tests.bench.ray_data import measure_ray_data
from tests.bench.report import Report
from tests.bench.scale import FULL, QUICK
from tests.bench.session import Bench
from tests.bench.size import SIZES
from tests.bench.steps import measure_steps
from tests.bench.timing import Roofline
from tests.bench.workers import measure_workers

PARTS: dict[str, Callable[[Bench], None]] = {
    "products": measure_products,
    "engines": measure_engines,
    "mixes": measure_mixes,
    "steps": measure_steps,
    "lengths": measure_lengths,
    "contexts": measure_contexts,
    "pipeline": measure_null_pipeline,
    "plans": measure_plans,
    "workers": measure_workers,
    "ray-data": measure_ray_data,
}


def main(words: Sequence[str] | None = None) -> None:
    """Does what the command line asks for; Ctrl-C ends it with what there is."""
    options = _parser().parse_args(words)
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        bench = _bench(options, Path(folder))
        try:
            for part in options.parts:
                PARTS[part](bench)
        except KeyboardInterrupt:
            bench.miss("all that would have followed: stopped")
    svg = draw(bench)
    bench.report.write(bench.out)
    _show(bench, svg)


def _show(bench: Bench, svg: Path | None) -> None:
    console = Console()
    console.print(bench.report.table())
    for sentence in bench.report.missing:
        console.print(f"left out: {sentence}", markup=False)
    console.print(*filter(None, (bench.out, svg)))


def _bench(options: argparse.Namespace, folder: Path) -> Bench:
    scale = QUICK if options.quick else FULL
    about = {**describe(), "is_quick": options.quick, "size": options.size}
    return Bench(
        scale=scale,
        size=SIZES[options.size],
        versions=options.versions,
        folder=folder,
        out=options.out,
        report=Report(about),
        roof=Roofline(scale.roof_products),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little of everything, no Ray")
    parser.add_argument("--size", choices=SIZES, default="0.1B", help="of the networks")
    parser.add_argument("--out", type=Path, default=Path("runs/bench.json"), help="JSON")
    parser.add_argument(
        "--versions",
        type=lambda text: tuple(map(Version, text.split(","))),
        default=(Version.V7, Version.V6, Version.V5_2, Version.V4),
        help="of RWKV, as in 7,6,5.2,4",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    return parser


if __name__ == "__main__":
    main()
