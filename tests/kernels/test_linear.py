"""Float32 products on CPU against float64, the bits of their rows, and which library does them."""

import pytest
import torch
from torch import Tensor

from longriver.kernels import dispatch
from longriver.kernels.linear import float32_cpu, reference
from longriver.kernels.linear.float32_cpu import onednn_linear, prefers_onednn, torch_linear

FORMS = {"torch": torch_linear}
if torch.backends.mkldnn.is_available():
    FORMS["onednn"] = onednn_linear
every_form = pytest.mark.parametrize("form", FORMS)
SHAPES = [(64, 64), (768, 64), (256, 256), (384, 1000), (1536, 96), (1024, 768)]
"""Inputs and outputs, on both sides of what is left to torch."""


def _operands(rows: int, inputs: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows * inputs + outputs)
    x, weight = (torch.randn(n, inputs, generator=generator) for n in (rows, outputs))
    return x, weight, torch.randn(outputs, generator=generator)


@every_form
@pytest.mark.parametrize("inputs, outputs", SHAPES)
@pytest.mark.parametrize("rows", [0, 16, 48, 512])
def test_a_product_is_that_of_float64(form: str, rows: int, inputs: int, outputs: int) -> None:
    x, weight, bias = _operands(rows, inputs, outputs)
    for added in (None, bias):
        found = FORMS[form](x, weight, added)
        expected = reference.linear(x, weight, added)
        assert found.dtype == torch.float32 and found.shape == (rows, outputs)
        assert torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-5 * inputs**0.5)


@every_form
@pytest.mark.parametrize("inputs, outputs", SHAPES)
def test_a_matrix_that_lies_transposed_gives_the_same_product(
    form: str, inputs: int, outputs: int
) -> None:
    x, weight, _ = _operands(64, inputs, outputs)
    found = FORMS[form](x, weight.T.contiguous().T)
    assert torch.allclose(found, FORMS[form](x, weight), rtol=1e-5, atol=1e-5 * inputs**0.5)


@pytest.mark.skipif("onednn" not in FORMS, reason="this torch was built without oneDNN")
@pytest.mark.parametrize("inputs, outputs", SHAPES)
def test_onednn_gives_a_row_the_same_bits_whatever_stands_beside_it(
    inputs: int, outputs: int
) -> None:
    x, weight, bias = _operands(1040, inputs, outputs)
    whole = onednn_linear(x, weight, bias)
    for begin, end in ((0, 16), (3, 35), (5, 53), (100, 356), (16, 528), (528, 1040)):
        assert torch.equal(onednn_linear(x[begin:end].clone(), weight, bias), whole[begin:end])


@pytest.mark.skipif("onednn" not in FORMS, reason="this torch was built without oneDNN")
@pytest.mark.parametrize("inputs, outputs", [*SHAPES, (8192, 64)])
def test_threads_do_not_change_onednns_bits(inputs: int, outputs: int) -> None:
    x, weight, _ = _operands(48, inputs, outputs)
    threads = torch.get_num_threads()
    found = []
    try:
        for num_threads in (1, 2, 5):
            torch.set_num_threads(num_threads)
            found.append(onednn_linear(x, weight))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(other, found[0]) for other in found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("inputs, outputs", SHAPES)
def test_half_precision_gives_the_bits_of_its_float32(
    dtype: torch.dtype, inputs: int, outputs: int
) -> None:
    x, weight, bias = _operands(64, inputs, outputs)
    half = weight.to(dtype)
    for lying in (half, half.T.contiguous().T):
        found = float32_cpu.linear(x, lying, bias)
        assert torch.equal(found, float32_cpu.linear(x, lying.float(), bias))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("inputs, outputs", [(3000, 1000), (40_000, 200), (130, 20_001)])
def test_what_is_widened_in_parts_is_the_product_of_the_whole(
    dtype: torch.dtype, inputs: int, outputs: int
) -> None:
    x, weight, bias = _operands(48, inputs, outputs)
    half = weight.to(dtype)
    for rows, added in ((0, None), (48, None), (48, bias)):
        found = float32_cpu.linear(x[:rows], half, added)
        expected = reference.linear(x[:rows], half, added)
        assert found.shape == (rows, outputs)
        assert torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-5 * inputs**0.5)
    whole = float32_cpu.linear(x, half, bias)
    for begin, end in ((0, 16), (3, 35), (16, 48)):
        assert torch.equal(float32_cpu.linear(x[begin:end].clone(), half, bias), whole[begin:end])


@pytest.mark.parametrize(
    "cpu, has_avx512, is_preferred",
    [
        ("znver4", True, True),
        ("znver5", True, True),
        ("znver4", False, False),  # a virtual machine that hides it
        ("znver3", False, False),
        ("sapphirerapids", True, False),
        ("skylake-avx512", True, False),
        ("generic", False, False),
    ],
)
def test_onednn_is_taken_where_mkl_has_no_code_for_the_processor(
    cpu: str, has_avx512: bool, is_preferred: bool
) -> None:
    assert prefers_onednn(cpu, {"avx512f": has_avx512}) is is_preferred


def test_other_number_types_and_devices_are_left_to_torch() -> None:
    assert dispatch.linear("cpu", torch.float32) is float32_cpu.linear
    assert dispatch.linear("cpu", torch.bfloat16) is torch_linear
    assert dispatch.linear("cuda", torch.float32) is torch_linear
