"""Run by ``test_triton.py`` like ``triton_interpreted.py``: WKV-7 on tensor cores, span by span.

The interpreter knows nothing of tf32: it multiplies in float32 whatever the precision asked for.
"""

import itertools

import pytest
import torch

from longriver.kernels.wkv7 import triton_chunked
from longriver.kernels.wkv7.triton_chunked import SPAN
from tests.kernels.agreement import assert_matches_the_reference, error
from tests.kernels.cases import Case, cast, only, rows
from tests.kernels.ops import OPS, Wkv

wkv7: Wkv = triton_chunked.wkv7
OP = next(op for op in OPS if op.name == "wkv7")
GUARD = 4096
SIZES = [
    Case(str(n), (5, 0, 40, 1), (2, 0, 3, 1), num_heads=1, head_size=n) for n in (8, 20, 80, 128)
]


@pytest.mark.parametrize("case", [*OP.cases, *SIZES], ids=str)
def test_output_and_final_state_match_the_reference(case: Case) -> None:
    assert_matches_the_reference(OP, case, wkv7, "cpu")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_inputs_of_16_bits_are_read_as_they_are(dtype: torch.dtype) -> None:
    assert_matches_the_reference(OP, Case("two", (5, 30), (1, 0)), wkv7, "cpu", dtype)


@pytest.mark.parametrize("case", SIZES, ids=str)
def test_nothing_outside_its_rows_and_slots_is_read_or_written(case: Case) -> None:
    clean, x = OP.inputs(case), cast(OP.inputs(case), torch.float32)
    for name, packed in rows(x).items():
        x[name] = torch.cat((torch.full_like(packed[:3], torch.nan), packed))
        x[name][3 + case.num_tokens :] = torch.nan
    x["cu_seqlens"] += 3
    x[OP.state][case.slots_idle] = torch.nan
    memory = torch.full((x[OP.state].numel() + 2 * GUARD,), torch.nan)
    x[OP.state] = memory[GUARD:-GUARD].view_as(x[OP.state]).copy_(x[OP.state])
    expected, found = OP.reference(**clean)[: case.num_tokens], wkv7(**x)
    assert error(found[3:][: case.num_tokens], expected) < case.tolerance
    assert not found[:3].any() and not found[3 + case.num_tokens :].any()
    assert memory[:GUARD].isnan().all() and memory[-GUARD:].isnan().all()
    assert x[OP.state][case.slots_idle].isnan().all()
    state, expected_state = x[OP.state][case.slots_read], clean[OP.state][case.slots_read]
    assert error(state, expected_state) < case.tolerance


def test_neighbours_and_splits_between_spans_do_not_change_a_bit() -> None:
    together = cast(OP.inputs(Case("two", (3, 45), (1, 0), head_size=20)), torch.float32)
    apart = cast(together, torch.float32)
    expected = wkv7(**together)[3:48]
    cuts = itertools.pairwise((3, 3 + SPAN, 3 + 2 * SPAN, 48))
    found = [wkv7(**only(apart, *part, slot=0)) for part in cuts]
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(apart[OP.state][0], together[OP.state][0])


def test_any_other_split_gives_the_same_numbers() -> None:
    case = Case("one", (40,), (0,), num_heads=1)
    parts, expected = cast(OP.inputs(case), torch.float32), OP.reference(**OP.inputs(case))[:40]
    found = [
        wkv7(**only(parts, *part, slot=0)) for part in itertools.pairwise((0, 1, 7, 7, 30, 40))
    ]
    assert error(torch.cat(found), expected) < case.tolerance


def test_no_segment_at_all_leaves_zeros() -> None:
    x = cast(OP.inputs(Case("one", (4,), (0,))), torch.float32)
    x |= {"cu_seqlens": torch.tensor([0]).int(), "slots": torch.tensor([]).int()}
    assert not wkv7(**x).any()


def test_a_precision_that_tensor_cores_lack_is_refused() -> None:
    x = cast(OP.inputs(Case("one", (4,), (0,))), torch.float32)
    with pytest.raises(AssertionError, match="precision='float64' is none of tf32, tf32x3"):
        wkv7(**x, precision="float64")
