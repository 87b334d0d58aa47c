"""The Triton kernels on a GPU: numbers on every case, and the same bits however they are called."""

import itertools
from random import Random

import pytest
import torch

from tests.kernels.agreement import assert_matches_the_reference
from tests.kernels.cases import Case, cast, only
from tests.kernels.ops import OPS, Op

pytestmark = pytest.mark.gpu

EVERY_OP = pytest.mark.parametrize("op", OPS, ids=str)
EVERY_CASE = [pytest.param(op, case, id=f"{op}-{case}") for op in OPS for case in op.cases]
EVERY_DTYPE = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
HEAD_SIZES = [Case(str(size), (9, 0, 40), (2, 0, 1), head_size=size) for size in (20, 32, 80, 128)]


@EVERY_DTYPE
@pytest.mark.parametrize(("op", "case"), EVERY_CASE)
def test_output_and_final_state_match_the_reference(op: Op, case: Case, dtype: torch.dtype) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    assert_matches_the_reference(op, case, op.triton, "cuda", dtype)


@EVERY_OP
@pytest.mark.parametrize("case", HEAD_SIZES, ids=str)
def test_any_head_size_matches_the_reference(op: Op, case: Case) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    assert_matches_the_reference(op, case, op.triton, "cuda")


@EVERY_OP
@EVERY_DTYPE
@pytest.mark.parametrize("head_size", [33, 64])
def test_alone_beside_others_and_for_any_split_the_bits_are_the_same(
    op: Op, dtype: torch.dtype, head_size: int
) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    lengths, random = (1, 200, 0, 77, 64, 333), Random(head_size)
    slots = tuple(random.sample(range(len(lengths)), len(lengths)))
    case = Case("many", lengths, slots, num_heads=3, head_size=head_size)
    inputs = op.inputs(case)
    cpu = cast(inputs, dtype) | {op.state: inputs[op.state].float()}
    together = {name: x.cuda() for name, x in cpu.items()}
    apart = {name: x.cuda() for name, x in cpu.items()}
    expected = op.triton(**together)[: case.num_tokens]
    ends, found = [0, *itertools.accumulate(lengths)], []
    for (begin, end), slot in zip(itertools.pairwise(ends), slots, strict=True):
        cuts = sorted({begin, end, *(random.randint(begin, end) for _ in range(4))})
        for part in itertools.pairwise(cuts):
            alone = only(apart, *part, slot=slot)
            found.append(op.triton(**{name: x.cuda() for name, x in alone.items()}))
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(apart[op.state], together[op.state])
