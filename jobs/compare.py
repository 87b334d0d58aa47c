"""``longriver compare A B``: two models, or two context policies, over the same documents."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from longriver.engine.errors import OrderError
from longriver.jobs.compare_display import print_comparison
from longriver.jobs.comparison import Comparison
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.folder_config import CompareConfig
from longriver.jobs.report.compared import Pair, Sample, comparison_page
from longriver.pipeline.pairs import Side, Unpaired, pairs, require_comparable
from longriver.pipeline.run_folder import RunFolder

Through = Callable[[Iterable[Pair]], Iterable[Pair]]


def compare(config: CompareConfig) -> int:
    """Prints how the runs differ; which of them is better is no failure."""
    page = None if config.report is None else _writable(config.report)
    sample = Sample()
    record = comparison(config, sample.through)
    if page is not None:
        page.write_bytes(comparison_page(record, sample))
    if config.as_json:
        print(json.dumps(record, indent=1, allow_nan=False))
    else:
        print_comparison(Console(), record)
    return ExitCode.COMPLETE


def comparison(config: CompareConfig, through: Through = iter) -> Mapping[str, Any]:
    """What there is to say of two runs, for JSON.

    Args:
        through: who else is to see the pairs, and passes them on.

    Raises:
        OrderError: a folder is no finished run with nats, or they are of different documents.
    """
    a, b = (Side(RunFolder.open(x, setting=name)) for name, x in (("A", config.a), ("B", config.b)))
    require_comparable(a, b)
    unpaired = Unpaired()
    found = Comparison(config.num_resamples, has_positions=_share_positions(a, b))
    found.take(through(pairs(a, b, unpaired)))
    return {
        "a": _about(config.a, a),
        "b": _about(config.b, b),
        "num_resamples": config.num_resamples,
        "only_in_a": unpaired.only_in_a,
        "only_in_b": unpaired.only_in_b,
        **found.record(a.group_columns),
    }


def _writable(report: str) -> Path:
    path = Path(report).expanduser()
    if "://" in report or path.is_dir() or not path.parent.is_dir():
        raise OrderError(
            f"report={report} cannot be written; name a file, in a folder of this machine that "
            "is there"
        )
    return path


def _share_positions(a: Side, b: Side) -> bool:
    """Positions are counted in tokens, which two vocabularies cut differently."""
    same = a.order.fingerprints["tokenizer"] == b.order.fingerprints["tokenizer"]
    return same and a.has_positions and b.has_positions


def _about(path: str, side: Side) -> Mapping[str, object]:
    order = side.order.order
    model = order.get("model")
    return {
        "path": path,
        "model": model.get("path") if isinstance(model, Mapping) else None,
        "model_sha256": side.order.fingerprints["model"],
        "context_policy": _policy(side.order.semantic),
        "dtype": side.order.semantic.get("engine.dtype"),
    }


def _policy(semantic: Mapping[str, object]) -> object:
    """That of the job that has the table; several jobs in one pass share it."""
    parts = [semantic, *(part for part in semantic.values() if isinstance(part, Mapping))]
    found = (part.get("job.context_policy", part.get("context_policy")) for part in parts)
    return next((policy for policy in found if policy is not None), None)
