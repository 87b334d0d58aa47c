"""Our model of lm-evaluation-harness beside its own, and what both are asked."""

from pathlib import Path
from typing import Any

TOLERANCE = 1e-4


def ours(folder: Path, **given: object) -> Any:
    from tests.lm_eval_peer import silence

    with silence():
        from longriver.jobs.lm_eval_model import LongriverLM

    return LongriverLM(path=str(folder), device="cpu", dtype="float32", num_threads=1, **given)


def theirs(folder: Path, **given: object) -> Any:
    from tests.lm_eval_peer import hf_model, silence

    with silence():
        return hf_model(folder, **given)


def ask(model: Any, kind: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    from tests.lm_eval_peer import silence

    with silence():
        from lm_eval.api.instance import Instance

        asked = [Instance(request_type=kind, doc={}, arguments=a, idx=0) for a in arguments]
        found: list[Any] = getattr(model, kind)(asked)
    return found
