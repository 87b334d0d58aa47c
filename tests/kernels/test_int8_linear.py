"""Products of whole numbers against integers of any size."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.kernels.int8_linear.onednn import Int8Weight, Rounded, is_available
from longriver.kernels.int8_linear.reference import INPUT_LEVELS, int8_linear

pytestmark = pytest.mark.skipif(not is_available(), reason="torch without oneDNN")


def matrices(rows: int, inputs: int, outputs: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, inputs, generator=generator)
    return x, torch.randn(outputs, inputs, generator=generator)


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"),
    [(1, 1, 1), (3, 7, 5), (16, 96, 40), (33, 130, 257), (64, 768, 9)],
)
def test_the_product_is_that_of_whole_numbers(rows: int, inputs: int, outputs: int) -> None:
    x, weight = matrices(rows, inputs, outputs)
    found, expected = Int8Weight(weight)(x).double(), int8_linear(x.double(), weight.double())
    # an input that lies between two whole numbers may go either way
    step = x.double().abs().amax(1, keepdim=True) / INPUT_LEVELS * weight.double().abs().amax()
    off = (found - expected).abs()
    assert (off <= 1.001 * step).all()
    assert (off > 1e-5 * expected.abs().amax()).double().mean() < 0.05


def test_numbers_at_the_ends_of_their_ranges_do_not_saturate() -> None:
    x, weight = torch.full((2, 512), 5.0), torch.full((3, 512), -2.0)
    x[1] = -5.0
    torch.testing.assert_close(Int8Weight(weight)(x), x @ weight.T, rtol=1e-6, atol=0)


@given(begin=st.integers(0, 40), size=st.integers(1, 24), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(
    begin: int, size: int, seed: int
) -> None:
    x, weight = matrices(64, 96, 130, seed)
    product = Int8Weight(weight)
    assert torch.equal(product(x[begin : begin + size]), product(x)[begin : begin + size])


def test_what_is_rounded_once_serves_several_products() -> None:
    x, weight = matrices(9, 40, 24)
    rows = Rounded(x)
    assert torch.equal(Int8Weight(weight)(rows), Int8Weight(weight)(x))


def test_rows_of_zeros_and_rows_that_are_not_finite() -> None:
    x, weight = matrices(5, 32, 8)
    x[1], x[2, 3], x[3, 0] = 0, torch.inf, torch.nan
    found = Int8Weight(weight)(x)
    assert torch.equal(found[1], torch.zeros(8))
    assert [bool(torch.isfinite(row).all()) for row in found] == [True, True, False, False, True]
    assert torch.equal(found[4], Int8Weight(weight)(x[4:])[0])


def test_several_threads_give_the_same_bits() -> None:
    x, weight = matrices(200, 64, 72)
    alone = Int8Weight(weight)(x)
    torch.set_num_threads(2)
    try:
        assert torch.equal(Int8Weight(weight)(x), alone)
    finally:
        torch.set_num_threads(1)
