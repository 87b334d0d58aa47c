"""Every WKV op against its float64 reference: output and final state, memory outside untouched."""

import pytest
import torch

from tests.kernels.agreement import assert_matches_the_reference, error
from tests.kernels.cases import Case, cast, only, rows
from tests.kernels.ops import OPS, Op

EVERY_CASE = [pytest.param(op, case, id=f"{op}-{case}") for op in OPS for case in op.cases]
EVERY_FORM = pytest.mark.parametrize("form", ["numba", "torch"])


@EVERY_FORM
@pytest.mark.parametrize(("op", "case"), EVERY_CASE)
def test_output_and_final_state_match_the_reference(op: Op, case: Case, form: str) -> None:
    assert_matches_the_reference(op, case, getattr(op, form), "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize(("op", "case"), EVERY_CASE)
def test_torch_on_cuda_matches_the_reference(op: Op, case: Case) -> None:
    assert_matches_the_reference(op, case, op.torch, "cuda")


@EVERY_FORM
@pytest.mark.parametrize(("op", "case"), EVERY_CASE)
def test_rows_of_padding_stay_zero_and_slots_without_a_segment_stay_as_they_were(
    op: Op, case: Case, form: str
) -> None:
    arguments = cast(op.inputs(case), torch.float32)
    for x in rows(arguments).values():
        x[case.num_tokens :] = torch.nan
    before = arguments[op.state].clone()
    y = getattr(op, form)(**arguments)
    assert not y[case.num_tokens :].any()
    assert torch.equal(arguments[op.state][case.slots_idle], before[case.slots_idle])
    assert torch.isfinite(y).all()
    assert torch.isfinite(arguments[op.state]).all()


@EVERY_FORM
@pytest.mark.parametrize("op", OPS, ids=str)
def test_a_token_that_is_not_a_number_spoils_what_follows_in_its_segment_only(
    op: Op, form: str
) -> None:
    case = Case("three", (5, 40, 20), (2, 0, 1))
    clean = cast(op.inputs(case), torch.float32)
    spoilt = cast(clean, torch.float32)
    key = "k_RD" if "k_RD" in spoilt else "k_RHN"
    spoilt[key][8] = torch.nan
    expected, found = getattr(op, form)(**clean), getattr(op, form)(**spoilt)
    assert torch.isnan(found[8:45]).all()
    assert torch.isnan(spoilt[op.state][0]).any()
    assert torch.equal(found[:5], expected[:5])
    assert torch.equal(found[45:], expected[45:])
    assert torch.equal(spoilt[op.state][1:], clean[op.state][1:])


@EVERY_FORM
@pytest.mark.parametrize("op", OPS, ids=str)
def test_no_segment_at_all_leaves_zeros(op: Op, form: str) -> None:
    arguments = cast(op.inputs(Case("one", (4,), (0,))), torch.float32)
    before = arguments[op.state].clone()
    arguments |= {"cu_seqlens": torch.tensor([0]).int(), "slots": torch.tensor([]).int()}
    assert not getattr(op, form)(**arguments).any()
    assert torch.equal(arguments[op.state], before)


@EVERY_FORM
@pytest.mark.parametrize("op", OPS, ids=str)
def test_any_split_gives_the_same_numbers(op: Op, form: str) -> None:
    case = Case("whole", (50,), (0,))
    whole = op.inputs(case)
    parts = cast(whole, torch.float32)
    expected, wkv = op.reference(**whole)[:50], getattr(op, form)
    cuts = ((0, 1), (1, 16), (16, 17), (17, 17), (17, 34), (34, 50))
    found = torch.cat([wkv(**only(parts, begin, end, slot=0)) for begin, end in cuts])
    assert error(found, expected) < case.tolerance
    expected_state = op.memory(whole[op.state][:1])
    assert error(op.memory(parts[op.state][:1]), expected_state) < case.tolerance
