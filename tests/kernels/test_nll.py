"""The blocked head against the whole table of logits in float64."""

import pytest
import torch

from longriver.kernels.nll import blocked, numba_cpu, reference

FORMS = {"torch": blocked.head_nll, "numba": numba_cpu.head_nll}
every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@pytest.mark.parametrize("rows", [16, 48, 272])
@pytest.mark.parametrize("vocab", [1, 256, 1024, 1025, 3000])
def test_blocked_nll_matches_the_reference(form: str, rows: int, vocab: int) -> None:
    generator = torch.Generator().manual_seed(rows * vocab)
    hidden = torch.randn(rows, 96, generator=generator)
    head = torch.randn(vocab, 96, generator=generator)
    target = torch.randint(0, vocab, (rows,), generator=generator)
    expected = reference.head_nll(hidden.double(), head.double(), target)
    found = FORMS[form](hidden, head, target)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), expected, atol=1e-4, rtol=2e-6)


@every_form
def test_logits_far_apart_neither_overflow_nor_vanish(form: str) -> None:
    hidden = torch.tensor([[1.0]] * 16)
    head = torch.tensor([[-500.0], [500.0], [0.0]])
    found = FORMS[form](hidden, head, torch.full((16,), 0), vocab_block=1)
    assert torch.equal(found, torch.full((16,), 1000.0))


@every_form
@pytest.mark.parametrize("rise", [0.5, 7, 15, 17, 60, -60])
def test_logits_that_rise_from_tile_to_tile_are_summed_exactly(form: str, rise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.cat((torch.ones(16, 1), torch.randn(16, 8, generator=generator)), dim=1)
    tiles = rise * torch.arange(12).repeat_interleave(50)
    head = torch.cat((tiles[:, None], torch.randn(600, 8, generator=generator)), dim=1)
    target = torch.arange(0, 600, 38)
    expected = reference.head_nll(hidden.double(), head.double(), target)
    found = FORMS[form](hidden, head, target, vocab_block=50)
    assert torch.allclose(found.double(), expected, atol=2e-5, rtol=2e-6)


@every_form
def test_what_is_not_finite_gives_no_finite_nats(form: str) -> None:
    hidden = torch.ones(16, 8)
    hidden[3], hidden[5, 2] = torch.inf, torch.nan
    found = FORMS[form](hidden, torch.rand(100, 8), torch.full((16,), 7))
    assert torch.isfinite(found).tolist() == [row not in (3, 5) for row in range(16)]


@every_form
def test_a_row_has_the_same_bits_whatever_stands_beside_it(form: str) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, head = torch.randn(528, 128, generator=generator), torch.randn(2500, 128)
    target = torch.randint(0, 2500, (528,), generator=generator)
    whole = FORMS[form](hidden, head, target)
    for begin, end in ((0, 16), (5, 37), (200, 472), (496, 528)):
        part = FORMS[form](hidden[begin:end].clone(), head, target[begin:end])
        assert torch.equal(part, whole[begin:end])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_head_in_half_precision_gives_the_bits_of_its_float32(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    hidden, head = torch.randn(528, 300, generator=generator), torch.randn(2500, 300).to(dtype)
    target = torch.randint(0, 2500, (528,), generator=generator)
    found = numba_cpu.head_nll(hidden, head, target)
    assert torch.equal(found, numba_cpu.head_nll(hidden, head.float(), target))
