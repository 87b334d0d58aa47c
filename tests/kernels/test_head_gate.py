"""Normed and gated heads: CPU forms against the reference, and rows that keep their bits."""

import pytest
import torch

from longriver.kernels.head_gate import numba_cpu, reference, torch_any
from tests.kernels import head_gate_cases
from tests.kernels.cases import cast, exact
from tests.kernels.head_gate_cases import EPS, Gated

FORMS = {"numba": numba_cpu.head_gate, "torch": torch_any.head_gate}
EVERY_CASE = pytest.mark.parametrize("case", head_gate_cases.CASES, ids=str)
TOKENS = ("r_RHN", "k_RHN", "v_RHN")


@pytest.mark.parametrize("form", FORMS)
@EVERY_CASE
def test_it_matches_the_reference(form: str, case: Gated) -> None:
    arguments = exact(head_gate_cases.inputs(case))
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), torch.float32)
    wanted = head_gate_cases.cast(bonus, torch.float64)
    expected = reference.head_gate(**arguments, eps=EPS, bonus=wanted)
    found = FORMS[form](**cast(arguments, torch.float32), eps=EPS, bonus=bonus)
    error = (found - expected).norm() / expected.norm().clamp(min=1e-30)
    assert error < 3e-6 * max(1.0, case.shift)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@EVERY_CASE
def test_a_gate_of_16_bits_gives_16_bits(case: Gated, dtype: torch.dtype) -> None:
    arguments = cast(head_gate_cases.inputs(case), torch.float32)
    arguments["gate_RD"] = arguments["gate_RD"].to(dtype)
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), dtype)
    wanted = head_gate_cases.cast(bonus, torch.float64)
    expected = reference.head_gate(**cast(arguments, torch.float64), eps=EPS, bonus=wanted)
    found = torch_any.head_gate(**arguments, eps=EPS, bonus=bonus)
    assert found.dtype == dtype
    # rounded before the gate and behind it
    assert (
        (found.double() - expected).abs() <= torch.finfo(dtype).eps * expected.abs() + 1e-4
    ).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(form: str) -> None:
    case = Gated("many", (33, 3, 20))
    whole = cast(head_gate_cases.inputs(case), torch.float32)
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), torch.float32)
    assert bonus is not None
    expected = FORMS[form](**cast(whole, torch.float32), eps=EPS, bonus=bonus)
    for begin, end in ((0, 1), (5, 17), (32, 33)):
        part = whole | {name: whole[name][begin:end].clone() for name in ("y_RHN", "gate_RD")}
        of_rows = bonus._replace(**{name: getattr(bonus, name)[begin:end] for name in TOKENS})
        assert torch.equal(FORMS[form](**part, eps=EPS, bonus=of_rows), expected[begin:end])
