"""What WKV-6 alone has to do: RWKV-5's decay, which is one row for all tokens."""

import pytest
import torch

from tests.kernels.cases import Case, cast
from tests.kernels.ops import OPS, Wkv
from tests.kernels.wkv6_cases import inputs

WKV6 = next(op for op in OPS if op.name == "wkv6")


@pytest.mark.parametrize("wkv6", [WKV6.numba, WKV6.torch], ids=["numba", "torch"])
@pytest.mark.parametrize("of_heads", [False, True], ids=["of channels", "of heads"])
def test_a_row_of_decay_expanded_gives_the_bits_of_the_row_repeated(
    wkv6: Wkv, of_heads: bool
) -> None:
    expanded = cast(inputs(Case("three", (17, 1, 40), (2, 0, 1), num_heads=3)), torch.float32)
    row_HN = expanded["w_log_RHN"][0]
    row_HN = row_HN[:, :1].expand_as(row_HN) if of_heads else row_HN
    expanded["w_log_RHN"] = row_HN.expand_as(expanded["w_log_RHN"])
    repeated = {
        name: x.clone(memory_format=torch.contiguous_format) for name, x in expanded.items()
    }
    assert torch.equal(wkv6(**expanded), wkv6(**repeated))
    assert torch.equal(expanded["state_SHKV"], repeated["state_SHKV"])
