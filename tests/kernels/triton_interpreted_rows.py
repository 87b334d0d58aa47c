"""Run by ``test_triton.py`` like ``triton_interpreted.py``: ops that treat every row for itself.

The interpreter cuts what becomes a bfloat16 off, where a GPU rounds it, and multiplies matrices of
them as if they were integers; so products are tried in float32 and float16 here.
"""

import itertools

import pytest
import torch
from torch import Tensor

from longriver.kernels.head_gate import reference as head_gate_reference
from longriver.kernels.head_gate.triton_fused import head_gate
from longriver.kernels.layer_norm import reference as norm_reference
from longriver.kernels.layer_norm.triton_fused import layer_norm
from longriver.kernels.nll import reference as nll_reference
from longriver.kernels.nll.triton_head import head_nll
from longriver.kernels.token_mix import reference as mix_reference
from longriver.kernels.token_mix.triton_fused import token_mix
from longriver.kernels.wkv7_inputs import reference as inputs_reference
from longriver.kernels.wkv7_inputs.parts import Residual, Weights
from longriver.kernels.wkv7_inputs.triton_fused import wkv7_inputs
from tests.kernels import head_gate_cases
from tests.kernels.cases import Case, Normal, cast, exact
from tests.kernels.head_gate_cases import EPS, Gated

HALF = (torch.bfloat16, torch.float16)
EVERY_HALF = pytest.mark.parametrize("dtype", HALF, ids=str)
ONE_ROUNDING = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-11}
EVERY_GATED = pytest.mark.parametrize("case", head_gate_cases.CASES, ids=str)
FRAME = 3
GUARD = 2048
LAYOUTS = ((1,), (5, 17, 2), (0, 3, 0, 0, 9, 0), (1, 1, 1, 1), (0, 0), (8, 8, 8))


def guarded(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A tensor of NaN, and the memory that it lies in the middle of."""
    size = torch.Size(shape).numel()
    memory = torch.full((size + 2 * GUARD,), torch.nan, dtype=dtype)
    return memory[GUARD : GUARD + size].view(shape), memory


def is_untouched(memory: Tensor) -> bool:
    return bool(memory[:GUARD].isnan().all() and memory[-GUARD:].isnan().all())


def shifted(lengths: tuple[int, ...], width: int, num_mixes: int) -> dict[str, Tensor]:
    """Arguments of ``token_mix``: slots in reverse, an idle one at both ends, two rows of NaN."""
    normal, rows = Normal(len(lengths)), sum(lengths)
    x = {
        "x_RD": normal(rows + 2, width),
        "mix_MD": normal(num_mixes, width),
        "last_SD": normal(len(lengths) + 2, width),
        **Case("", lengths, tuple(range(len(lengths), 0, -1))).packing(),
    }
    x["x_RD"][rows:] = torch.nan
    return exact(x)


@pytest.mark.parametrize("lengths", LAYOUTS, ids=str)
@pytest.mark.parametrize(("width", "num_mixes"), [(1, 1), (24, 6), (300, 2)])
def test_mixtures_match_the_reference(lengths: tuple[int, ...], width: int, num_mixes: int) -> None:
    arguments, rows = shifted(lengths, width, num_mixes), sum(lengths)
    fast = cast(arguments, torch.float32)
    pool, memory = guarded(tuple(fast["last_SD"].shape), torch.float32)
    fast["last_SD"] = pool.copy_(fast["last_SD"])
    expected, found = mix_reference.token_mix(**arguments), token_mix(**fast)
    largest = expected.abs().amax().clamp(min=1)
    assert ((found - expected)[:, :rows].abs() < 3e-7 * largest).all()
    assert not found[:, rows:].any()
    assert torch.equal(fast["last_SD"], arguments["last_SD"].float())
    assert is_untouched(memory)


@EVERY_HALF
def test_mixtures_of_16_bits_are_rounded_once(dtype: torch.dtype) -> None:
    arguments = shifted((5, 0, 9), 40, 3)
    fast = cast(arguments, dtype)
    fast["last_SD"] = fast["last_SD"].float()
    expected = mix_reference.token_mix(**cast(fast, torch.float64))[:, :14]
    found = token_mix(**fast)[:, :14]
    assert found.dtype == dtype
    # what cancels is off by float32's own rounding
    allowed = 1.001 * ONE_ROUNDING[dtype] * expected.abs() + 1e-6
    assert ((found.double() - expected).abs() <= allowed).all()


@pytest.mark.parametrize("dtype", [torch.float32, *HALF], ids=str)
def test_mixtures_are_the_same_bits_alone_and_in_any_split(dtype: torch.dtype) -> None:
    together = cast(shifted((3, 20), 40, 2), dtype)
    together["last_SD"] = together["last_SD"].float()
    apart = {name: x.clone() for name, x in together.items()}
    expected, found = token_mix(**together)[:, 3:23], []
    for begin, end in itertools.pairwise((3, 4, 4, 12, 21, 23)):
        part = apart | {"x_RD": apart["x_RD"][begin:end]}
        found.append(token_mix(**part | Case("", (end - begin,), (1,)).packing()))
    assert torch.equal(torch.cat(found, dim=1), expected)
    assert torch.equal(apart["last_SD"][1], together["last_SD"][1])


def test_rows_before_the_first_segment_are_not_read() -> None:
    arguments = cast(shifted((4, 2), 24, 2), torch.float32)
    framed = cast(arguments, torch.float32)
    framed["x_RD"] = torch.cat((torch.full((FRAME, 24), torch.nan), framed["x_RD"]))
    framed["cu_seqlens"] += FRAME
    expected, found = token_mix(**arguments), token_mix(**framed)
    assert torch.equal(found[:, FRAME:], expected) and not found[:, :FRAME].any()


@EVERY_GATED
def test_gated_heads_match_the_reference(case: Gated) -> None:
    arguments = exact(head_gate_cases.inputs(case))
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), torch.float32)
    wanted = head_gate_cases.cast(bonus, torch.float64)
    expected = head_gate_reference.head_gate(**arguments, eps=EPS, bonus=wanted)
    found = head_gate(**cast(arguments, torch.float32), eps=EPS, bonus=bonus)
    assert found.dtype == torch.float32
    error = (found - expected).norm() / expected.norm().clamp(min=1e-30)
    # the mean is taken off in float32, relative to the numbers as they came
    assert error < 2e-6 * max(1.0, case.shift)


@EVERY_HALF
@EVERY_GATED
def test_gated_heads_of_16_bits_are_rounded_once(case: Gated, dtype: torch.dtype) -> None:
    arguments = cast(head_gate_cases.inputs(case), torch.float32)
    arguments["gate_RD"] = arguments["gate_RD"].to(dtype)
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), dtype)
    wanted = head_gate_cases.cast(bonus, torch.float64)
    exactly = cast(arguments, torch.float64)
    expected = head_gate_reference.head_gate(**exactly, eps=EPS, bonus=wanted)
    found = head_gate(**arguments, eps=EPS, bonus=bonus)
    assert found.dtype == dtype
    allowed = 1.01 * ONE_ROUNDING[dtype] * expected.abs() + 1e-4
    assert ((found.double() - expected).abs() <= allowed).all()


def test_a_row_of_heads_has_the_same_bits_whatever_stands_beside_it() -> None:
    case = Gated("many", (33, 3, 20))
    whole = cast(head_gate_cases.inputs(case), torch.float32)
    bonus = head_gate_cases.cast(head_gate_cases.bonus(case), torch.float32)
    assert bonus is not None
    expected = head_gate(**whole, eps=EPS, bonus=bonus)
    for begin, end in ((0, 1), (5, 17), (32, 33)):
        part = whole | {name: whole[name][begin:end] for name in ("y_RHN", "gate_RD")}
        of_rows = bonus._replace(**{name: getattr(bonus, name)[begin:end] for name in TOKENS})
        assert torch.equal(head_gate(**part, eps=EPS, bonus=of_rows), expected[begin:end])


TOKENS = ("r_RHN", "k_RHN", "v_RHN")


@pytest.mark.parametrize("dtype", [torch.float32, *HALF], ids=str)
@pytest.mark.parametrize(("rows", "width"), [(1, 1), (5, 64), (70, 96), (3, 2500), (0, 8)])
def test_normed_rows_match_the_reference(rows: int, width: int, dtype: torch.dtype) -> None:
    normal = Normal(rows + width)
    x_RD = (3 + 2 * normal(rows, width)).to(dtype)
    weight, bias = (1 + normal(width) / 4).float(), normal(width).float()
    wide = (x_RD.double(), weight.double(), bias.double())
    expected = norm_reference.layer_norm(*wide, eps=1e-5, dtype=torch.float64)
    found = layer_norm(x_RD, weight, bias, eps=1e-5, dtype=dtype)
    assert found.dtype == dtype
    allowed = 1.01 * ONE_ROUNDING.get(dtype, 0.0) * expected.abs() + 5e-6
    assert ((found.double() - expected).abs() <= allowed).all()


def test_a_normed_row_has_the_same_bits_whatever_stands_beside_it() -> None:
    normal = Normal(0)
    x_RD, weight, bias = normal(40, 96).float(), normal(96).float(), normal(96).float()
    whole = layer_norm(x_RD, weight, bias, eps=1e-5, dtype=torch.float32)
    for begin, end in ((0, 1), (5, 17), (39, 40)):
        part = layer_norm(x_RD[begin:end], weight, bias, eps=1e-5, dtype=torch.float32)
        assert torch.equal(part, whole[begin:end])


def projected(rows: int, heads: tuple[int, int], dtype: torch.dtype) -> dict[str, Tensor]:
    """Arguments of ``wkv7_inputs`` in the order of its letters; a head of zeros has no norm."""
    normal, width = Normal(rows), heads[0] * heads[1]
    names = ("k_RD", "v_RD", "decay_RD", "rate_RD", "first_RD", "share_RD")
    x = {name: normal(rows, width).to(dtype) for name in names}
    x["k_RD"][0, : heads[1]] = 0
    return x


@pytest.mark.parametrize("dtype", [torch.float32, *HALF], ids=str)
@pytest.mark.parametrize("is_first", [False, True], ids=["", "first layer"])
@pytest.mark.parametrize("heads", [(3, 20), (2, 64)], ids=str)
def test_inputs_of_wkv7_match_the_reference(
    heads: tuple[int, int], is_first: bool, dtype: torch.dtype
) -> None:
    x, normal = projected(5, heads, dtype), Normal(9)
    bias, removal, rate = (normal(heads[0] * heads[1]) for _ in range(3))
    weights = Weights(bias.float(), removal.to(dtype), rate.to(dtype))
    wide = cast(x, torch.float64)
    residuals = [
        None if is_first else Residual(y.pop("first_RD"), y.pop("share_RD")) for y in (x, wide)
    ]
    of_layer = [{k: y[k] for k in ("k_RD", "v_RD", "decay_RD", "rate_RD")} for y in (x, wide)]
    exactly = Weights(*(w.double() for w in weights))
    found = wkv7_inputs(**of_layer[0], weights=weights, heads=heads, residual=residuals[0])
    expected = inputs_reference.wkv7_inputs(
        **of_layer[1], weights=exactly, heads=heads, residual=residuals[1]
    )
    for name, ours, theirs in zip(found._fields, found, expected, strict=True):
        kept = name in ("k_RHN", "v_RHN")
        assert ours.dtype == (dtype if kept else torch.float32)
        allowed = (1.01 * ONE_ROUNDING.get(dtype, 0.0) * theirs.abs() if kept else 0) + 1e-6
        assert ((ours.double() - theirs).abs() <= allowed).all(), name


def scored(rows: int, vocab: int, width: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Arguments of ``head_nll``; the first and last ids are targets as well."""
    generator = torch.Generator().manual_seed(rows + vocab)
    target = torch.randint(0, vocab, (rows,), generator=generator)
    target[0], target[-1] = 0, vocab - 1
    hidden = torch.randn(rows, width, generator=generator).to(dtype)
    head = torch.randn(vocab, width, generator=generator).to(dtype)
    return {"hidden_RD": hidden, "head_VD": head, "target_R": target}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("rows", [1, 130])
@pytest.mark.parametrize(("vocab", "width"), [(1, 8), (511, 64), (513, 100), (1200, 33)])
def test_nats_match_the_reference(rows: int, vocab: int, width: int, dtype: torch.dtype) -> None:
    arguments = scored(rows, vocab, width, dtype)
    expected = nll_reference.head_nll(**cast(arguments, torch.float64))
    found = head_nll(**arguments)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), expected, atol=1e-4, rtol=2e-6)


def test_logits_far_apart_neither_overflow_nor_vanish() -> None:
    head = torch.zeros(1100, 1)
    head[0], head[700] = -500, 500
    found = head_nll(torch.ones(16, 1), head, torch.zeros(16, dtype=torch.long))
    assert torch.equal(found, torch.full((16,), 1000.0))


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning:triton.runtime.interpreter")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_nats_of_a_row_are_the_same_bits_whatever_stands_behind_it(dtype: torch.dtype) -> None:
    x = scored(150, 600, 40, dtype)
    x["hidden_RD"][149] = torch.nan
    whole = head_nll(**x)
    assert whole[149].isnan() and not whole[:149].isnan().any()
    # from where tiles begin: NumPy's products depend on a row's place in its tile
    for begin, end in ((0, 1), (0, 37), (128, 149)):
        hidden, target = x["hidden_RD"][begin:end].clone(), x["target_R"][begin:end].clone()
        assert torch.equal(head_nll(hidden, x["head_VD"], target), whole[begin:end])


def test_no_rows_have_no_nats() -> None:
    x = scored(4, 100, 16, torch.float32)
    assert head_nll(x["hidden_RD"][:0], x["head_VD"], x["target_R"][:0]).shape == (0,)
