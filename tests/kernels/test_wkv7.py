"""Every WKV-7 against the float64 reference: output and final state, memory outside untouched."""

import itertools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from longriver.kernels.wkv7 import numba_cpu, reference, torch_chunked
from tests.kernels.wkv7_cases import CASES, Case, cast, inputs

Wkv7 = Callable[..., Tensor]
FAST: dict[str, Wkv7] = {"numba": numba_cpu.wkv7, "torch": torch_chunked.wkv7}
TOLERANCE = 2e-6
WEAK_TOLERANCE = 1e-5


def error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_and_final_state_match_the_reference(name: str, case: Case) -> None:
    exact, fast = inputs(case), cast(inputs(case), torch.float32)
    expected, found = reference.wkv7(**exact), FAST[name](**fast)
    limit = WEAK_TOLERANCE if case.decay == "weak" else TOLERANCE
    assert error(found, expected) < limit
    assert error(fast["state_SHKV"], exact["state_SHKV"]) < limit


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_rows_of_padding_stay_zero_and_slots_without_a_segment_stay_as_they_were(
    name: str, case: Case
) -> None:
    arguments = cast(inputs(case), torch.float32)
    for key in ("r_RHN", "w_log_RHN", "k_RHN", "v_RHN", "a_RHN", "b_RHN"):
        arguments[key][sum(case.lengths) :] = torch.nan
    before = arguments["state_SHKV"].clone()
    y = FAST[name](**arguments)
    assert torch.equal(y[sum(case.lengths) :], torch.zeros_like(y[sum(case.lengths) :]))
    read = [slot for slot, length in zip(case.slots, case.lengths, strict=True) if length]
    idle = [slot for slot in range(len(before)) if slot not in read]
    assert torch.equal(arguments["state_SHKV"][idle], before[idle])
    assert torch.isfinite(y).all()


@given(st.integers(1, 60), st.data())
@settings(max_examples=30, deadline=None)
def test_numba_gives_the_same_bits_for_any_split(length: int, data: st.DataObject) -> None:
    whole = cast(inputs(Case("whole", (length,), (0,), head_size=32)), torch.float32)
    parts = {name: x.clone() for name, x in whole.items()}
    expected = numba_cpu.wkv7(**whole)[:length]
    cuts = sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=4))})
    found = []
    for begin, end in itertools.pairwise(cuts):
        step = {k: x[begin:end] for k, x in parts.items() if k.endswith("_RHN")}
        step |= {"state_SHKV": parts["state_SHKV"], "slots": parts["slots"]}
        found.append(numba_cpu.wkv7(**step, cu_seqlens=torch.tensor([0, end - begin]).int()))
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(parts["state_SHKV"], whole["state_SHKV"])


def test_numba_gives_the_same_bits_alone_and_beside_others() -> None:
    case = Case("many", (40, 3, 17), (2, 0, 1))
    together = cast(inputs(case), torch.float32)
    before = together["state_SHKV"].clone()
    y = numba_cpu.wkv7(**together)
    for index, slot in enumerate(case.slots):
        begin, end = together["cu_seqlens"][index : index + 2].tolist()
        alone = {k: x[begin:end] for k, x in together.items() if k.endswith("_RHN")}
        state = before[slot : slot + 1].clone()
        cu_seqlens, slots = torch.tensor([0, end - begin]).int(), torch.tensor([0]).int()
        found = numba_cpu.wkv7(**alone, state_SHKV=state, cu_seqlens=cu_seqlens, slots=slots)
        assert torch.equal(found, y[begin:end])
        assert torch.equal(state[0], together["state_SHKV"][slot])


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_on_cuda_matches_the_reference(case: Case) -> None:
    exact = inputs(case)
    on_gpu = {name: x.cuda() for name, x in cast(exact, torch.float32).items()}
    expected, found = reference.wkv7(**exact), torch_chunked.wkv7(**on_gpu)
    limit = WEAK_TOLERANCE if case.decay == "weak" else TOLERANCE
    assert error(found.cpu(), expected) < limit
    assert error(on_gpu["state_SHKV"].cpu(), exact["state_SHKV"]) < limit
