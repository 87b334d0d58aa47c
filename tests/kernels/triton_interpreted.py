"""Run by ``test_triton.py`` in a process of its own, as Triton interprets from its import on.

The interpreter sees indices, masks and algebra; of layouts, races and the hardware's exp it knows
nothing. It takes milliseconds for a token of a program, hence the few tokens.
"""

import itertools
from dataclasses import replace

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import exp_decay
from tests.kernels.agreement import assert_matches_the_reference, error, rounded
from tests.kernels.cases import Case, cast, only, rows
from tests.kernels.ops import OPS, Op

# NumPy warns of the series far from 1, where it is not used; a GPU does not
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton.runtime.interpreter")

EVERY_OP = pytest.mark.parametrize("op", OPS, ids=str)

FRAME = 3
"""Rows before the first segment."""

GUARD = 4096
"""Numbers before and after the state pool, more than a head has."""


def tiny(case: Case) -> Case:
    lengths = tuple(-(-length // 8) for length in case.lengths)
    return replace(case, lengths=lengths, num_heads=min(case.num_heads, 2))


EVERY_CASE = [pytest.param(op, tiny(case), id=f"{op}-{case}") for op in OPS for case in op.cases]
LAYOUT = Case("three", (5, 0, 4, 1), (2, 0, 3, 1))
SIZES = [replace(LAYOUT, head_size=size, num_heads=1) for size in (16, 20, 32, 80, 128)]


@pytest.mark.parametrize(("op", "case"), EVERY_CASE)
def test_output_and_final_state_match_the_reference(op: Op, case: Case) -> None:
    assert_matches_the_reference(op, case, op.triton, "cpu")


@EVERY_OP
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_inputs_of_16_bits_are_read_as_they_are(op: Op, dtype: torch.dtype) -> None:
    assert_matches_the_reference(op, LAYOUT, op.triton, "cpu", dtype)


def framed(op: Op, case: Case) -> tuple[dict[str, Tensor], Tensor]:
    """Float32 arguments among rows and slots of NaN, and what the state pool is a part of."""
    x = cast(op.inputs(case), torch.float32)
    for name, packed in rows(x).items():
        x[name] = torch.cat((packed[:FRAME], packed))
        x[name][:FRAME] = x[name][FRAME + case.num_tokens :] = torch.nan
    x["cu_seqlens"] += FRAME
    x[op.state][case.slots_idle] = torch.nan
    memory = torch.full((x[op.state].numel() + 2 * GUARD,), torch.nan)
    inside = memory[GUARD:-GUARD].view_as(x[op.state])
    x[op.state] = inside.copy_(x[op.state])
    return x, memory


@EVERY_OP
@pytest.mark.parametrize("case", [LAYOUT, *SIZES], ids=lambda case: str(case.head_size))
def test_any_head_size_is_read_and_written_within_its_bounds(op: Op, case: Case) -> None:
    exact = op.inputs(case)
    x, memory = framed(op, case)
    expected, found = op.reference(**exact)[: case.num_tokens], op.triton(**x)
    assert error(found[FRAME:][: case.num_tokens], expected) < case.tolerance
    assert not found[:FRAME].any() and not found[FRAME + case.num_tokens :].any()
    assert memory[:GUARD].isnan().all() and memory[-GUARD:].isnan().all()
    assert x[op.state][case.slots_idle].isnan().all()
    state, expected_state = (s[case.slots_read] for s in (x[op.state], exact[op.state]))
    assert error(op.memory(state), op.memory(expected_state)) < case.tolerance


@EVERY_OP
def test_alone_in_any_split_or_beside_others_gives_the_same_bits(op: Op) -> None:
    together = cast(op.inputs(Case("two", (3, 10), (1, 0), head_size=20)), torch.float32)
    apart = cast(together, torch.float32)
    expected = op.triton(**together)[3:13]
    cuts = itertools.pairwise((3, 4, 9, 9, 13))
    found = [op.triton(**only(apart, *part, slot=0)) for part in cuts]
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(apart[op.state][0], together[op.state][0])


@EVERY_OP
def test_a_token_that_is_not_a_number_spoils_what_follows_in_its_segment_only(op: Op) -> None:
    clean = cast(op.inputs(Case("three", (2, 5, 2), (2, 0, 1), num_heads=1)), torch.float32)
    spoilt = cast(clean, torch.float32)
    spoilt["k_RD" if "k_RD" in spoilt else "k_RHN"][4] = torch.nan
    expected, found = op.triton(**clean), op.triton(**spoilt)
    assert torch.isnan(found[4:7]).all()
    assert torch.equal(found[:4], expected[:4]) and torch.equal(found[7:], expected[7:])
    assert torch.isnan(spoilt[op.state][0]).any()
    assert torch.equal(spoilt[op.state][1:], clean[op.state][1:])


@EVERY_OP
def test_no_segment_at_all_leaves_zeros(op: Op) -> None:
    x = cast(op.inputs(Case("one", (4,), (0,))), torch.float32)
    before = x[op.state].clone()
    x |= {"cu_seqlens": torch.tensor([0]).int(), "slots": torch.tensor([]).int()}
    assert not op.triton(**x).any()
    assert torch.equal(x[op.state], before)


@EVERY_OP
def test_inputs_with_gaps_or_off_the_alignment_are_read_as_they_are(op: Op) -> None:
    fast, exact = rounded(op, op.inputs(LAYOUT), torch.float32)
    for i, (name, packed) in enumerate(rows(fast).items()):
        apart = packed.new_full((*packed.shape[:-1], packed.shape[-1] + 1 + i), torch.nan)
        apart[..., 1 : packed.shape[-1] + 1] = packed
        fast[name] = apart[..., 1 : packed.shape[-1] + 1]
    assert error(op.triton(**fast), op.reference(**exact)) < LAYOUT.tolerance


@pytest.mark.parametrize("of_heads", [False, True], ids=["of channels", "of heads"])
def test_a_row_of_decay_expanded_gives_the_bits_of_the_row_repeated(of_heads: bool) -> None:
    op = next(op for op in OPS if op.name == "wkv6")
    expanded = cast(op.inputs(LAYOUT), torch.float32)
    row_HN = expanded["w_log_RHN"][0]
    row_HN = row_HN[:, :1].expand_as(row_HN) if of_heads else row_HN
    expanded["w_log_RHN"] = row_HN.expand_as(expanded["w_log_RHN"])
    repeated = {
        name: x.clone(memory_format=torch.contiguous_format) for name, x in expanded.items()
    }
    assert torch.equal(op.triton(**expanded), op.triton(**repeated))
    assert torch.equal(expanded["state_SHKV"], repeated["state_SHKV"])


@triton.jit
def take_exp_decay(x: tl.tensor, y: tl.tensor, size: tl.constexpr) -> None:
    at = tl.arange(0, size)
    tl.store(y + at, exp_decay(tl.load(x + at)))


def test_the_exponential_is_rounded_once_near_1_and_0_at_minus_infinity() -> None:
    near, far = -torch.logspace(-9, -0.31, 512), -torch.linspace(0.5, 100, 511)
    x = torch.cat((near, far, torch.tensor([-torch.inf])))
    y = torch.empty_like(x)
    take_exp_decay[(1,)](x, y, size=1024)
    relative = (y.double() / x.double().exp() - 1).abs()
    assert relative[:512].max() < 1.3e-7
    assert relative[512:850].max() < 1e-6
    assert y[-1] == 0
