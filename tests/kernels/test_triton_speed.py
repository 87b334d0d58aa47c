"""The Triton kernels on a GPU beside the torch forms that they stand in for: at least as fast.

`pytest -m gpu -s tests/kernels/test_triton_speed.py` prints both times, at the sizes of a 1.5B
model: 8,192 packed tokens in 16 segments.
"""

import statistics
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch

from longriver.kernels.head_gate import torch_any as head_gate_torch
from longriver.kernels.head_gate.bonus import Bonus
from longriver.kernels.layer_norm import torch_any as norm_torch
from longriver.kernels.nll import blocked
from longriver.kernels.token_mix import torch_any as mix_torch
from longriver.kernels.wkv7_inputs import torch_any as inputs_torch
from longriver.kernels.wkv7_inputs.parts import Residual, Weights
from tests.kernels.cases import Case, cast
from tests.kernels.ops import OPS, Op

pytestmark = pytest.mark.gpu

SEGMENTS, LENGTH, HEADS, SIZE, VOCAB = 16, 512, 32, 64, 65536
ROWS, WIDTH = SEGMENTS * LENGTH, HEADS * SIZE
RUNS = 10
Work = Callable[[], object]


def milliseconds(work: Work) -> float:
    """The median of some runs, after one that compiles."""
    work()
    taken: list[float] = []
    for _ in range(RUNS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        taken.append(begin.elapsed_time(end))
    return statistics.median(taken)


def assert_no_slower(name: str, triton: Work, torch_form: Work) -> None:
    fast, slow = milliseconds(triton), milliseconds(torch_form)
    print(f"{name}: {fast:.3f} ms, torch {slow:.3f} ms, {slow / fast:.1f} times as fast")
    assert fast <= slow, f"{name} takes {fast:.3f} ms, the torch form {slow:.3f} ms"


@pytest.fixture(autouse=True)
def triton_is_here() -> Iterator[None]:
    pytest.importorskip("triton", reason="Triton is not installed")
    yield


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def packing() -> dict[str, torch.Tensor]:
    case = Case("", (LENGTH,) * SEGMENTS, tuple(range(SEGMENTS)))
    return {name: x.cuda() for name, x in case.packing().items()}


@pytest.mark.parametrize("op", OPS, ids=str)
def test_recurrences(op: Op) -> None:
    case = Case("", (LENGTH,) * SEGMENTS, tuple(range(SEGMENTS)), HEADS, SIZE)
    x = {name: t.cuda() for name, t in cast(op.inputs(case), torch.float32).items()}
    assert_no_slower(op.name, partial(op.triton, **x), partial(op.torch, **x))


@pytest.mark.parametrize("precision", ["tf32", "tf32x3"])
def test_spans_of_wkv7_for_one_long_document(precision: str) -> None:
    from longriver.kernels.wkv7 import triton_chunked  # Triton is not everywhere

    op = next(op for op in OPS if op.name == "wkv7")
    inputs = cast(op.inputs(Case("", (ROWS,), (0,), HEADS, SIZE)), torch.float32)
    x = {name: t.cuda() for name, t in inputs.items()}
    chunked = partial(triton_chunked.wkv7, **x, precision=precision)
    recurrent = milliseconds(partial(op.triton, **x))
    print(f"one document: token by token {recurrent:.3f} ms")
    assert_no_slower(f"wkv7 in spans, {precision}", chunked, partial(op.torch, **x))


def test_mixtures() -> None:
    from longriver.kernels.token_mix import triton_fused

    x = {"x_RD": normal(ROWS, WIDTH), "mix_MD": normal(6, WIDTH), **packing()}
    x["last_SD"] = torch.zeros(SEGMENTS, WIDTH, device="cuda")
    of_triton, of_torch = partial(triton_fused.token_mix, **x), partial(mix_torch.token_mix, **x)
    assert_no_slower("token_mix", of_triton, of_torch)


def test_norms() -> None:
    from longriver.kernels.layer_norm import triton_fused

    x, ones = normal(ROWS, WIDTH), torch.ones(WIDTH, device="cuda")
    forms = (triton_fused.layer_norm, norm_torch.layer_norm)
    work = [partial(form, x, ones, ones, eps=1e-5, dtype=torch.bfloat16) for form in forms]
    assert_no_slower("layer_norm", *work)


def test_gates_of_heads() -> None:
    from longriver.kernels.head_gate import triton_fused

    rows = normal(ROWS, HEADS, SIZE)
    bonus = Bonus(rows, rows, rows, normal(HEADS, SIZE).float())
    ones = torch.ones(WIDTH, device="cuda")
    arguments = (rows.float(), normal(ROWS, WIDTH), ones, ones)
    forms = (triton_fused.head_gate, head_gate_torch.head_gate)
    assert_no_slower(
        "head_gate", *(partial(form, *arguments, eps=1e-5, bonus=bonus) for form in forms)
    )


def test_inputs_of_wkv7() -> None:
    from longriver.kernels.wkv7_inputs import triton_fused

    scale = normal(WIDTH)
    residual = Residual(normal(ROWS, WIDTH), normal(ROWS, WIDTH))
    x = {name: normal(ROWS, WIDTH) for name in ("k_RD", "v_RD", "decay_RD", "rate_RD")}
    weights, heads = Weights(scale.float(), scale, scale), (HEADS, SIZE)
    forms = (triton_fused.wkv7_inputs, inputs_torch.wkv7_inputs)
    work = [partial(f, **x, weights=weights, heads=heads, residual=residual) for f in forms]
    assert_no_slower("wkv7_inputs", *work)


@pytest.mark.parametrize("rows", [16, ROWS])
def test_nats(rows: int) -> None:
    from longriver.kernels.nll import triton_head

    target = torch.zeros(rows, dtype=torch.long, device="cuda")
    arguments = (normal(rows, WIDTH), normal(VOCAB, WIDTH), target)
    forms = (triton_head.head_nll, blocked.head_nll)
    assert_no_slower(f"head_nll of {rows}", *(partial(form, *arguments) for form in forms))
