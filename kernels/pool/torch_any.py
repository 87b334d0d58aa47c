"""Weighted sums for any torch device and number type: one product over all segments."""

import torch
from torch import Tensor

# R rows · D width · S slots · n segments


def pool(
    x_RD: Tensor, weight_R: Tensor, *, sum_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> None:
    """See ``longriver.kernels.pool.reference.pool``; the order of the sum is the library's."""
    num_rows = int(cu_seqlens[-1])
    rows = torch.arange(num_rows, device=x_RD.device)
    begins, ends = cu_seqlens[:-1, None], cu_seqlens[1:, None]
    weight_nR = ((begins <= rows) & (rows < ends)) * weight_R[:num_rows]
    sum_SD[slots.long()] += weight_nR @ x_RD[:num_rows].to(sum_SD.dtype)
