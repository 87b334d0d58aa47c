"""Weighted sums for CPUs, row after row, so that no cut between rows leaves a trace."""

import numba
import numpy as np
import numpy.typing as npt
from torch import Tensor

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]


def pool(
    x_RD: Tensor, weight_R: Tensor, *, sum_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> None:
    """See ``longriver.kernels.pool.reference.pool``; x is float32 on CPU, all contiguous."""
    _pool(x_RD.numpy(), weight_R.numpy(), sum_SD.numpy(), cu_seqlens.numpy(), slots.numpy())


# no contraction: product and sum are rounded one by one, as the reference rounds them
@numba.njit(cache=True, nogil=True)
def _pool(x: Floats, weight: Doubles, total: Doubles, cu_seqlens: Ints, slots: Ints) -> None:
    for segment in range(len(slots)):
        slot = slots[segment]
        for t in range(cu_seqlens[segment], cu_seqlens[segment + 1]):
            for c in range(x.shape[1]):
                total[slot, c] += weight[t] * np.float64(x[t, c])
