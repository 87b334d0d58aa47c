"""Weighted sums as they are written down: a loop over rows, in the number type of the sums."""

from torch import Tensor

# R rows · D width · S slots


def pool(
    x_RD: Tensor, weight_R: Tensor, *, sum_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> None:
    """Adds ``weight · x`` of each segment's rows to the sum of its slot, row after row.

    Args:
        weight_R: float64.
        sum_SD: float64, what each slot has come to; updated in place.
        cu_seqlens: [n + 1] where segments begin; rows behind the last one are left out.
        slots: [n] the slot of each segment, each at most once.
    """
    for segment, slot in enumerate(slots.tolist()):
        for t in range(int(cu_seqlens[segment]), int(cu_seqlens[segment + 1])):
            sum_SD[slot] += weight_R[t] * x_RD[t].to(sum_SD.dtype)
