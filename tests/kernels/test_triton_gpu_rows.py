"""The Triton kernels beside WKV's recurrences on a GPU: numbers, and bits whoever is beside."""

from functools import partial

import pytest
import torch
from torch import Tensor

from longriver.kernels.head_gate import reference as head_gate_reference
from longriver.kernels.head_gate.bonus import Bonus
from longriver.kernels.layer_norm import reference as norm_reference
from longriver.kernels.nll import reference as nll_reference
from longriver.kernels.token_mix import reference as mix_reference
from tests.kernels import head_gate_cases
from tests.kernels.agreement import error, rounded
from tests.kernels.cases import Case, Normal, cast
from tests.kernels.head_gate_cases import EPS, Gated
from tests.kernels.ops import OPS

pytestmark = pytest.mark.gpu

ROUNDING = {torch.float32: 3e-6, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
EVERY_DTYPE = pytest.mark.parametrize("dtype", ROUNDING, ids=str)
WKV7 = next(op for op in OPS if op.name == "wkv7")
OF_DOTS = {"tf32": 5e-3, "tf32x3": 5e-6}
"""What products of 11 bits may be off, and of about 22."""


def on_gpu(arguments: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.cuda() for name, x in arguments.items()}


@EVERY_DTYPE
def test_mixtures_match_the_reference_alone_and_in_any_split(dtype: torch.dtype) -> None:
    triton_fused = pytest.importorskip("longriver.kernels.token_mix.triton_fused")
    normal, lengths = Normal(0), (5, 0, 77, 1)
    packing = Case("", lengths, (3, 1, 0, 2)).packing()
    x = {"x_RD": normal(90, 700), "mix_MD": normal(6, 700)}
    x = cast(x, dtype) | {"last_SD": normal(5, 700).to(dtype).float()} | packing
    together, apart = on_gpu(x), on_gpu(x)
    expected = mix_reference.token_mix(**cast(x, torch.float64))[:, :83]
    whole = triton_fused.token_mix(**together)[:, :83]
    assert ((whole.cpu().double() - expected).abs() <= ROUNDING[dtype] * (expected.abs() + 1)).all()
    found = []
    for begin, end in ((5, 6), (6, 40), (40, 82)):
        part = apart | {"x_RD": apart["x_RD"][begin:end]}
        part |= on_gpu(Case("", (end - begin,), (0,)).packing())
        found.append(triton_fused.token_mix(**part))
    assert torch.equal(torch.cat(found, dim=1), whole[:, 5:82])
    assert torch.equal(apart["last_SD"][0], together["last_SD"][0])


@EVERY_DTYPE
@pytest.mark.parametrize("case", head_gate_cases.CASES, ids=str)
def test_gated_heads_match_the_reference(case: Gated, dtype: torch.dtype) -> None:
    triton_fused = pytest.importorskip("longriver.kernels.head_gate.triton_fused")
    x = cast(head_gate_cases.inputs(case), torch.float32)
    x["gate_RD"] = x["gate_RD"].to(dtype)
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), dtype)
    wanted = head_gate_cases.cast(bonus, torch.float64)
    expected = head_gate_reference.head_gate(**cast(x, torch.float64), eps=EPS, bonus=wanted)
    of_gpu = None if bonus is None else Bonus(*(part.cuda() for part in bonus))
    found = triton_fused.head_gate(**on_gpu(x), eps=EPS, bonus=of_gpu).cpu()
    allowed = ROUNDING[dtype] * expected.abs() + 1e-4 * max(1.0, case.shift)
    assert ((found.double() - expected).abs() <= allowed).all()


@EVERY_DTYPE
@pytest.mark.parametrize("width", [96, 768, 2560])
def test_normed_rows_match_the_reference(width: int, dtype: torch.dtype) -> None:
    triton_fused = pytest.importorskip("longriver.kernels.layer_norm.triton_fused")
    normal = Normal(width)
    x, weight, bias = normal(33, width).to(dtype), normal(width).float(), normal(width).float()
    wide = (x.double(), weight.double(), bias.double())
    expected = norm_reference.layer_norm(*wide, eps=1e-5, dtype=torch.float64)
    norm = partial(triton_fused.layer_norm, eps=1e-5, dtype=dtype)
    found = norm(x.cuda(), weight.cuda(), bias.cuda())
    allowed = ROUNDING[dtype] * (expected.abs() + 1)
    assert ((found.cpu().double() - expected).abs() <= allowed).all()
    assert torch.equal(norm(x[7:9].cuda(), weight.cuda(), bias.cuda()), found[7:9])


@EVERY_DTYPE
@pytest.mark.parametrize("vocab", [511, 5000, 65536])
def test_nats_match_the_reference_whatever_stands_beside_a_row(
    vocab: int, dtype: torch.dtype
) -> None:
    triton_head = pytest.importorskip("longriver.kernels.nll.triton_head")
    normal = Normal(vocab)
    hidden, head = normal(200, 256).to(dtype), (normal(vocab, 256) / 8).to(dtype)
    target = torch.arange(200) * (vocab - 1) // 199
    expected = nll_reference.head_nll(hidden.double(), head.double(), target)
    found = triton_head.head_nll(hidden.cuda(), head.cuda(), target.cuda())
    assert torch.allclose(found.cpu().double(), expected, atol=2e-4, rtol=5e-6)
    for begin, end in ((0, 1), (5, 37), (199, 200)):
        part = triton_head.head_nll(hidden[begin:end].cuda(), head.cuda(), target[begin:end].cuda())
        assert torch.equal(part, found[begin:end])


@pytest.mark.parametrize("precision", OF_DOTS)
@pytest.mark.parametrize("case", WKV7.cases, ids=str)
def test_spans_of_wkv7_match_the_reference(case: Case, precision: str) -> None:
    triton_chunked = pytest.importorskip("longriver.kernels.wkv7.triton_chunked")
    fast, exact = rounded(WKV7, WKV7.inputs(case), torch.float32)
    fast = on_gpu(fast)
    expected, found = WKV7.reference(**exact), triton_chunked.wkv7(**fast, precision=precision)
    assert error(found.cpu(), expected) < OF_DOTS[precision]
    state, expected_state = fast[WKV7.state].cpu(), exact[WKV7.state]
    read = case.slots_read
    assert error(state[read], expected_state[read]) < OF_DOTS[precision]
