"""WKV-7's inputs: every CPU form against the reference, and rows that keep their bits."""

from typing import Any

import pytest
import torch
from torch import Tensor

from longriver.kernels.wkv7_inputs import numba_cpu, reference, torch_any
from longriver.kernels.wkv7_inputs.parts import Inputs, Residual, Weights
from tests.kernels.cases import Normal
from tests.kernels.test_wkv_bits import threads

FORMS = {"numba": numba_cpu.wkv7_inputs, "torch": torch_any.wkv7_inputs}
every_form = pytest.mark.parametrize("form", FORMS)
HEADS = ((2, 64), (3, 25), (1, 8), (12, 16))
ROWS = 37


def inputs(heads: tuple[int, int], has_residual: bool = True) -> dict[str, Any]:
    """Float64 arguments of numbers that float32 holds."""
    normal, width = Normal(heads[1]), heads[0] * heads[1]

    def rounded(*shape: int) -> Tensor:
        return normal(*shape).float().double()

    projections = {name: rounded(ROWS, width) for name in ("k_RD", "v_RD", "decay_RD", "rate_RD")}
    weights = Weights(rounded(width), rounded(width), rounded(width))
    residual = Residual(rounded(ROWS, width), rounded(ROWS, width)) if has_residual else None
    return {**projections, "weights": weights, "heads": heads, "residual": residual}


def float32(arguments: dict[str, Any], begin: int = 0, end: int = ROWS) -> dict[str, Any]:
    """Copies, as inputs are used up, of some rows."""
    residual = arguments["residual"]
    rows = {k: x[begin:end].float() for k, x in arguments.items() if k.endswith("_RD")}
    weights = Weights(*(x.float() for x in arguments["weights"]))
    rest = None if residual is None else Residual(*(x[begin:end].float() for x in residual))
    return arguments | rows | {"weights": weights, "residual": rest}


@every_form
@pytest.mark.parametrize("heads", HEADS, ids=str)
@pytest.mark.parametrize("has_residual", [True, False])
def test_it_matches_the_reference(form: str, heads: tuple[int, int], has_residual: bool) -> None:
    arguments = inputs(heads, has_residual)
    arguments["k_RD"][3] = 0  # a key that nothing can be divided by
    found, expected = FORMS[form](**float32(arguments)), reference.wkv7_inputs(**arguments)
    for name, x, exact in zip(Inputs._fields, found, expected, strict=True):
        assert x.dtype == torch.float32 and x.shape == (ROWS, *heads)
        assert (x - exact).norm() < 1e-6 * exact.norm(), name


@every_form
def test_large_numbers_overflow_no_exponential(form: str) -> None:
    arguments = inputs((2, 64))
    arguments["decay_RD"][:] = 1000
    arguments["rate_RD"][:] = -1000
    found = FORMS[form](**float32(arguments))
    assert all(torch.isfinite(x).all() for x in found)
    assert torch.allclose(found.w_log_RHN, torch.tensor(reference.DECAY_SCALE))


@pytest.mark.parametrize("heads", HEADS, ids=str)
def test_a_row_has_the_same_bits_in_any_company_and_on_any_threads(heads: tuple[int, int]) -> None:
    arguments = inputs(heads)
    with threads(2):
        whole = numba_cpu.wkv7_inputs(**float32(arguments))
    with threads(1):
        for begin, end in ((0, 1), (5, 22), (36, 37)):
            part = numba_cpu.wkv7_inputs(**float32(arguments, begin, end))
            assert all(torch.equal(x, y[begin:end]) for x, y in zip(part, whole, strict=True))
