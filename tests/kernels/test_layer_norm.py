"""LayerNorm against its reference, in every number type that a network has."""

import pytest
import torch

from longriver.kernels.layer_norm import reference, torch_any
from tests.kernels.cases import Normal


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("rows", "width"), [(1, 1), (5, 64), (3, 700)])
def test_it_matches_the_reference(rows: int, width: int, dtype: torch.dtype) -> None:
    normal = Normal(rows)
    x_RD = (3 + 2 * normal(rows, width)).to(dtype)
    weight, bias = normal(width).float(), normal(width).float()
    wide = (x_RD.double(), weight.double(), bias.double())
    expected = reference.layer_norm(*wide, eps=1e-5, dtype=torch.float64)
    found = torch_any.layer_norm(x_RD, weight, bias, eps=1e-5, dtype=dtype)
    assert found.dtype == dtype
    allowed = torch.finfo(dtype).eps * expected.abs() + 5e-6
    assert ((found.double() - expected).abs() <= allowed).all()
