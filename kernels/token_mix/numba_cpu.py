"""Token shift for CPUs: all mixtures in one pass over the rows."""

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def token_mix(
    x_RD: Tensor, mix_MD: Tensor, *, last_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> Tensor:
    """See ``longriver.kernels.token_mix.reference.token_mix``; float32 on CPU, contiguous."""
    y_MRD = torch.empty(len(mix_MD), *x_RD.shape)
    y_MRD[:, int(cu_seqlens[-1]) :] = 0  # or the padding would be whatever the memory held
    _mix(
        x_RD.numpy(),
        mix_MD.numpy(),
        last_SD.numpy(),
        cu_seqlens.numpy(),
        slots.numpy(),
        y_MRD.numpy(),
    )
    return y_MRD


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _mix(x: Floats, mix: Floats, last: Floats, cu_seqlens: Ints, slots: Ints, y: Floats) -> None:
    for segment in range(len(slots)):
        begin, end = cu_seqlens[segment], cu_seqlens[segment + 1]
        _mix_row(x[begin], last[slots[segment]], mix, begin, y)
        for t in range(begin + 1, end):
            _mix_row(x[t], x[t - 1], mix, t, y)
        last[slots[segment]] = x[end - 1]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _mix_row(now: Floats, before: Floats, mix: Floats, t: int, y: Floats) -> None:
    for m in range(len(mix)):
        for c in range(len(now)):
            y[m, t, c] = now[c] + (before[c] - now[c]) * mix[m, c]
