"""Float32 on CPU: oneDNN where MKL has no code for a processor's AVX-512, else what torch takes.

Matrices in half precision are widened, exactly, part by part as they are used: a file's pages then
do for all processes, and half the memory is read.
"""

from collections.abc import Mapping

import llvmlite.binding as llvm
import torch
from torch import Tensor

# R rows · I inputs · O outputs

SMALLEST = 1 << 16
"""Numbers in a matrix from which oneDNN is worth some 12 µs a call; 256 by 256, say."""
WHOLE, PART, MULTIPLE = 3 << 20, 1 << 20, 64
"""Up to WHOLE numbers are widened at once; larger matrices by PART, in a MULTIPLE of rows: 4 MB,
which a cache still holds when they are multiplied."""


def prefers_onednn(cpu: str, features: Mapping[str, bool]) -> bool:
    """Whether oneDNN is the faster one, by what LLVM calls a processor and finds in it.

    MKL's code for AMD ends with AVX2. A rule and no look at the clock, as the two give other last
    bits, and all workers and runs on a machine have to give the same.
    """
    return cpu.startswith("znver") and features.get("avx512f", False)


def torch_linear(x_RI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """Returns ``x Wᵀ + b`` [R, O], by the library that torch takes."""
    return torch.nn.functional.linear(x_RI, weight_OI, bias_O)


def onednn_linear(x_RI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """The same by oneDNN, with the matrix as it lies, so that processes can share its pages.

    Small matrices are left to torch, whatever the number of rows, on which no bit may depend.
    """
    if weight_OI.numel() < SMALLEST:
        return torch_linear(x_RI, weight_OI, bias_O)
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x_RI, weight_OI, bias_O, "none", [], "")
    return out


_IS_PREFERRED = torch.backends.mkldnn.is_available() and prefers_onednn(
    llvm.get_host_cpu_name(), llvm.get_host_cpu_features()
)
_float_linear = onednn_linear if _IS_PREFERRED else torch_linear


def linear(x_RI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """Returns ``x Wᵀ + b`` [R, O] by the library for this processor; W may be half precision."""
    if weight_OI.dtype == torch.float32:
        return _float_linear(x_RI, weight_OI, bias_O)
    if weight_OI.numel() <= WHOLE:
        return _float_linear(x_RI, weight_OI.float(), bias_O)
    return _by_parts(x_RI, weight_OI, bias_O)


def _by_parts(x_RI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
    out_RO = x_RI.new_empty(len(x_RI), len(weight_OI))
    rows = max(MULTIPLE, PART // weight_OI.shape[1] // MULTIPLE * MULTIPLE)
    for begin in range(0, len(weight_OI), rows):
        part = slice(begin, begin + rows)
        bias = None if bias_O is None else bias_O[part]
        out_RO[:, part] = _float_linear(x_RI, weight_OI[part].float(), bias)
    return out_RO
