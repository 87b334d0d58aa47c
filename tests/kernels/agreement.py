"""How far an implementation may be from the float64 reference, in outputs and final states."""

import torch
from torch import Tensor

from tests.kernels.cases import Case, cast
from tests.kernels.ops import Op, Wkv


def error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm().clamp(min=1e-30))


def rounded(
    op: Op, arguments: dict[str, Tensor], dtype: torch.dtype
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The arguments with all but the state in ``dtype``, and the same numbers in float64."""
    fast = cast(arguments, dtype) | {op.state: arguments[op.state].float()}
    return fast, cast(fast, torch.float64)


def assert_matches_the_reference(
    op: Op, case: Case, wkv: Wkv, device: str, dtype: torch.dtype = torch.float32
) -> None:
    fast, exact = rounded(op, op.inputs(case), dtype)
    fast = {name: x.to(device) for name, x in fast.items()}
    expected, found = op.reference(**exact), wkv(**fast).cpu()
    assert found.dtype == torch.float32
    assert error(found, expected) < case.tolerance
    state = fast[op.state].cpu()[case.slots_read]
    expected_state = exact[op.state][case.slots_read]
    assert error(op.memory(state), op.memory(expected_state)) < case.tolerance
