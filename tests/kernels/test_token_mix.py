"""Token shift: every form against the reference, whatever the segments, splits and neighbours."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from longriver.kernels.token_mix import numba_cpu, reference, torch_any

FORMS = {"numba": numba_cpu.token_mix, "torch": torch_any.token_mix}
LENGTHS = ((1,), (5, 17, 64), (1, 1, 1, 33))
every_form = pytest.mark.parametrize("name", FORMS)


def inputs(lengths: tuple[int, ...], width: int = 24, num_mixes: int = 3) -> dict[str, Tensor]:
    """Float64 arguments, slots in reverse, two idle slots and two rows of padding."""
    generator = torch.Generator().manual_seed(len(lengths))

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "x_RD": normal(sum(lengths) + 2, width),
        "mix_MD": normal(num_mixes, width),
        "last_SD": normal(len(lengths) + 2, width),
        "cu_seqlens": torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32),
        "slots": torch.arange(len(lengths), 0, -1, dtype=torch.int32),
    }


def float32(arguments: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: x.float() if x.is_floating_point() else x.clone() for k, x in arguments.items()}


@every_form
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("width", [1, 24, 70])
def test_it_matches_the_reference(name: str, lengths: tuple[int, ...], width: int) -> None:
    exact = inputs(lengths, width)
    fast = float32(exact)
    num_rows = sum(lengths)
    expected = reference.token_mix(**exact)[:, :num_rows]
    found = FORMS[name](**fast)[:, :num_rows]
    assert (found - expected).abs().max() < 1e-6 * expected.abs().max()
    assert torch.equal(fast["last_SD"], exact["last_SD"].float())


@every_form
def test_padding_and_idle_slots_do_no_harm(name: str) -> None:
    arguments = float32(inputs((4, 9)))
    arguments["x_RD"][13:] = torch.nan
    before = arguments["last_SD"].clone()
    y = FORMS[name](**arguments)
    assert torch.isfinite(y[:, :13]).all()
    assert torch.equal(arguments["last_SD"][[0, 3]], before[[0, 3]])


@every_form
@given(st.integers(2, 40), st.data())
def test_any_split_gives_the_same_bits(name: str, length: int, data: st.DataObject) -> None:
    whole = float32(inputs((length,)))
    parts = {key: x.clone() for key, x in whole.items()}
    expected = FORMS[name](**whole)[:, :length]
    cuts = sorted({0, length, *data.draw(st.lists(st.integers(1, length - 1), max_size=4))})
    found = []
    for begin, end in itertools.pairwise(cuts):
        step = parts | {"x_RD": parts["x_RD"][begin:end]}
        step["cu_seqlens"] = torch.tensor([0, end - begin], dtype=torch.int32)
        found.append(FORMS[name](**step))
    assert torch.equal(torch.cat(found, dim=1), expected)
    assert torch.equal(parts["last_SD"], whole["last_SD"])


@every_form
def test_neighbours_do_not_change_a_bit(name: str) -> None:
    together = float32(inputs((7, 3, 12)))
    last = together["last_SD"].clone()
    y = FORMS[name](**together)
    for index, (begin, end) in enumerate(((0, 7), (7, 10), (10, 22))):
        slot = int(together["slots"][index])
        alone = together | {"x_RD": together["x_RD"][begin:end], "last_SD": last[slot : slot + 1]}
        alone["cu_seqlens"] = torch.tensor([0, end - begin], dtype=torch.int32)
        alone["slots"] = torch.zeros(1, dtype=torch.int32)
        assert torch.equal(FORMS[name](**alone), y[:, begin:end])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_only_at_the_end_of_each_step(dtype: torch.dtype) -> None:
    arguments = inputs((6, 11))
    half = {k: x.to(dtype) if k in ("x_RD", "mix_MD") else x for k, x in arguments.items()}
    half["last_SD"] = half["last_SD"].to(dtype).float()
    exact = half | {k: x.double() for k, x in half.items() if x.is_floating_point()}
    expected = reference.token_mix(**exact)[:, :17]
    found = torch_any.token_mix(**half | {"last_SD": half["last_SD"].clone()})[:, :17]
    assert (found.double() - expected).abs().max() < 4 * torch.finfo(dtype).eps * 4


@pytest.mark.gpu
def test_on_cuda_it_matches_the_reference() -> None:
    exact = inputs((5, 17, 64))
    on_gpu = {key: x.cuda() for key, x in float32(exact).items()}
    expected, found = reference.token_mix(**exact), torch_any.token_mix(**on_gpu)
    assert (found.cpu() - expected)[:, :86].abs().max() < 1e-5
