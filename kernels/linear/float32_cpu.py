"""Float32 on CPU: oneDNN where MKL has no code for a processor's AVX-512, else what torch takes."""

from collections.abc import Mapping

import llvmlite.binding as llvm
import torch
from torch import Tensor

# R rows · I inputs · O outputs

SMALLEST = 1 << 16
"""Numbers in a matrix from which oneDNN is worth some 12 µs a call; 256 by 256, say."""


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
linear = onednn_linear if _IS_PREFERRED else torch_linear
