"""Weighted sums: every form against the reference, and no trace of how rows were cut."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from longriver.kernels import dispatch
from longriver.kernels.pool import numba_cpu, reference, torch_any

FORMS = {"numba": numba_cpu.pool, "torch": torch_any.pool}


def inputs(lengths: tuple[int, ...], width: int = 24) -> dict[str, Tensor]:
    """Slots in reverse, an idle slot and two rows of padding that are no numbers."""
    generator = torch.Generator().manual_seed(len(lengths))
    x_RD = torch.randn(sum(lengths) + 2, width, generator=generator)
    x_RD[-2:] = torch.nan
    return {
        "x_RD": x_RD,
        "weight_R": torch.arange(1, len(x_RD) + 1, dtype=torch.float64),
        "sum_SD": torch.randn(len(lengths) + 1, width, generator=generator, dtype=torch.float64),
        "cu_seqlens": torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32),
        "slots": torch.arange(len(lengths), 0, -1, dtype=torch.int32),
    }


def copied(arguments: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.clone() for name, x in arguments.items()}


@pytest.mark.parametrize("width", [1, 24, 70])
@pytest.mark.parametrize("lengths", [(1,), (5, 17, 64), (1, 0, 33)], ids=str)
def test_the_numba_form_has_the_bits_of_the_reference(lengths: tuple[int, ...], width: int) -> None:
    exact = inputs(lengths, width)
    fast = copied(exact)
    reference.pool(**exact)
    numba_cpu.pool(**fast)
    assert torch.equal(fast["sum_SD"], exact["sum_SD"])


@pytest.mark.parametrize("name", FORMS)
def test_every_form_matches_the_reference(name: str) -> None:
    exact = inputs((5, 17, 64))
    found = copied(exact)
    reference.pool(**exact)
    FORMS[name](**found)
    torch.testing.assert_close(found["sum_SD"], exact["sum_SD"], rtol=1e-12, atol=1e-12)


@given(st.integers(1, 60), st.lists(st.integers(0, 60), max_size=5))
def test_any_split_gives_the_same_bits(length: int, cuts: list[int]) -> None:
    whole = inputs((length,))
    parts = copied(whole)
    numba_cpu.pool(**whole)
    edges = sorted({0, length, *(cut % length for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        rows = {name: parts[name][begin:end] for name in ("x_RD", "weight_R")}
        cu_seqlens = torch.tensor([0, end - begin], dtype=torch.int32)
        numba_cpu.pool(**parts | rows | {"cu_seqlens": cu_seqlens})
    assert torch.equal(parts["sum_SD"], whole["sum_SD"])


@pytest.mark.parametrize("name", FORMS)
def test_idle_slots_stay_as_they_are(name: str) -> None:
    arguments = inputs((4, 9))
    before = arguments["sum_SD"][0].clone()
    FORMS[name](**arguments)
    assert torch.equal(arguments["sum_SD"][0], before)
    assert torch.isfinite(arguments["sum_SD"]).all()


def test_cpus_run_the_form_that_keeps_bits() -> None:
    assert dispatch.pool("cpu", torch.float32) is numba_cpu.pool
    assert dispatch.pool("cpu", torch.float64) is torch_any.pool
