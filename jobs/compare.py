"""``longriver compare A B``: two models, or two context policies, over the same documents."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from longriver.jobs.compare_display import print_comparison
from longriver.jobs.comparison import Comparison
from longriver.jobs.config import CompareConfig
from longriver.jobs.exit_code import ExitCode
from longriver.pipeline.pairs import Side, Unpaired, pairs, require_comparable
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.storage_options import NO_OPTIONS


def compare(config: CompareConfig) -> int:
    """Prints how the runs differ; which of them is better is no failure."""
    record = comparison(config)
    if config.as_json:
        print(json.dumps(record, indent=1, allow_nan=False))
    else:
        print_comparison(Console(), record)
    return ExitCode.COMPLETE


def comparison(config: CompareConfig) -> Mapping[str, Any]:
    """What there is to say of two runs, for JSON.

    Raises:
        OrderError: a folder is no finished run with nats, or they are of different documents.
    """
    a, b = (Side(RunFolder.open(path, NO_OPTIONS)) for path in (config.a, config.b))
    require_comparable(a, b)
    unpaired = Unpaired()
    found = Comparison(config.num_resamples, has_positions=_share_positions(a, b))
    found.take(pairs(a, b, unpaired))
    return {
        "a": _about(config.a, a),
        "b": _about(config.b, b),
        "only_in_a": unpaired.only_in_a,
        "only_in_b": unpaired.only_in_b,
        **found.record(a.group_columns),
    }


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
