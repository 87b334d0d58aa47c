"""The product for CPUs: rows rounded in one pass, multiplied by oneDNN's eight-bit kernels."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.int8_linear.reference import INPUT_LEVELS, WEIGHT_LEVELS, rounded

# R rows · I inputs · O outputs

ZERO = 64
"""What stands for zero among unsigned inputs."""

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


def is_available() -> bool:
    """Whether this build of torch brings oneDNN."""
    return bool(torch._C._has_mkldnn)


class Rounded:
    """Activations [R, I] as unsigned bytes, and each row's scale; for one product or several."""

    def __init__(self, x_RI: Tensor) -> None:
        self.bytes_RI = torch.empty(x_RI.shape, dtype=torch.uint8)
        self.scale_R1 = torch.empty(len(x_RI), 1)
        # with one thread not even a pool: its idle threads would spin
        round_rows = _round_serial if torch.get_num_threads() == 1 else _round_parallel
        round_rows(x_RI.contiguous().numpy(), self.bytes_RI.numpy(), self.scale_R1.numpy())


class Int8Weight:
    """A matrix [O, I] as whole numbers with a scale for each row."""

    dtype = torch.float32
    """Of what it is multiplied with, and of what comes out."""
    device = torch.device("cpu")

    def __init__(self, weight_OI: Tensor) -> None:
        whole, self._scale_O = rounded(weight_OI.float(), WEIGHT_LEVELS)
        self._packed = torch.ops.onednn.qlinear_prepack(whole.to(torch.int8), None)
        self._zeros = torch.zeros(len(weight_OI), dtype=torch.int32)
        self.shape = weight_OI.shape

    def numel(self) -> int:
        return self.shape.numel()

    def __len__(self) -> int:
        return self.shape[0]

    def __call__(self, x: Tensor | Rounded) -> Tensor:
        """``x Wᵀ`` [R, O] float32; a row's result does not depend on the rows beside it."""
        rows = x if isinstance(x, Rounded) else Rounded(x)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            rows.bytes_RI,
            1.0,
            ZERO,
            self._packed,
            self._scale_O,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return out.mul_(rows.scale_R1)


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _round(t: int, x_RI: Floats, out_RI: Bytes, scale_R1: Floats) -> None:
    row = x_RI[t]
    largest, poison = np.float32(0), np.float32(0)
    for i in range(len(row)):
        size = abs(row[i])
        largest = size if size > largest else largest
        poison += size - size  # zero, or NaN where a number is not finite
    scale = largest / np.float32(INPUT_LEVELS) if largest > 0 else np.float32(1)
    scale_R1[t, 0] = scale + poison
    inverse = np.float32(1) / scale if math.isfinite(scale_R1[t, 0]) else np.float32(0)
    for i in range(len(row)):
        out_RI[t, i] = np.uint8(np.rint(row[i] * inverse) + np.float32(ZERO)) if inverse else ZERO


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _round_serial(x_RI: Floats, *arrays: Any) -> None:
    for t in range(len(x_RI)):
        _round(t, x_RI, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _round_parallel(x_RI: Floats, *arrays: Any) -> None:
    for t in numba.prange(len(x_RI)):
        _round(t, x_RI, *arrays)
