"""Numba's WKV ops give the same bits alone or beside others, for any split, on any threads."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import Case, cast, only
from tests.kernels.ops import OPS, Op

ROOT = Path(__file__).parents[2]
EVERY_OP = pytest.mark.parametrize("op", OPS, ids=str)


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@EVERY_OP
@given(st.integers(1, 60), st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=25)
def test_any_split_gives_the_same_bits(op: Op, length: int, cuts: list[int]) -> None:
    whole = cast(op.inputs(Case("whole", (length,), (0,), head_size=33)), torch.float32)
    parts = cast(whole, torch.float32)
    expected = op.numba(**whole)[:length]
    ends = sorted({0, length, *(min(cut, length) for cut in cuts)})
    found = [op.numba(**only(parts, *part, slot=0)) for part in itertools.pairwise(ends)]
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(parts[op.state], whole[op.state])


@EVERY_OP
@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.randoms())
@settings(max_examples=25)
def test_alone_on_one_thread_or_beside_others_on_two_gives_the_same_bits(
    op: Op, lengths: list[int], random: Random
) -> None:
    slots = random.sample(range(len(lengths)), len(lengths))
    case = Case("many", tuple(lengths), tuple(slots), num_heads=3, head_size=33)
    together = cast(op.inputs(case), torch.float32)
    apart = cast(together, torch.float32)
    with threads(2):
        expected = op.numba(**together)[: case.num_tokens]
    ends = [0, *itertools.accumulate(lengths)]
    with threads(1):
        found = [
            op.numba(**only(apart, *segment, slot=slot))
            for segment, slot in zip(itertools.pairwise(ends), slots, strict=True)
        ]
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(apart[op.state], together[op.state])


ON_ONE_THREAD_THEN_TWO = """
import sys, numba, torch
from tests.kernels.cases import Case, cast
from tests.kernels.ops import OPS

def pool_has_run():
    try:
        return bool(numba.threading_layer())
    except ValueError:
        return False

op = next(op for op in OPS if op.name == sys.argv[1])
x = cast(op.inputs(Case("two", (2, 1), (0, 1))), torch.float32)
for threads in (1, 2):
    torch.set_num_threads(threads)
    op.numba(**x)
    print(pool_has_run())
"""


@EVERY_OP
def test_a_pool_runs_for_two_threads_and_none_for_one(op: Op) -> None:
    command = [sys.executable, "-c", ON_ONE_THREAD_THEN_TWO, op.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
