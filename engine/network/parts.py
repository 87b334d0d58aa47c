"""What the layers of every version are made of; weights are [out, in]."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.file_rows import FileRows
from longriver.kernels import dispatch
from longriver.kernels.head_gate.bonus import Bonus
from longriver.kernels.int8_linear.onednn import Int8Weight

# M mixtures · R packed rows · S slots · D width · H heads · N head size

NORM_EPS = 1e-5
HALF = (torch.bfloat16, torch.float16)

Weight = Tensor | Int8Weight
"""A matrix [out, in] in the number type of activations, in half precision, or as whole numbers."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows [D] by token, in the file's number type, and from the file where it is mapped."""

    table: Tensor
    file: FileRows | None = None

    def __call__(self, tokens_R: Tensor) -> Tensor:
        return F.embedding(tokens_R, self.table) if self.file is None else self.file(tokens_R)


@dataclass(frozen=True, slots=True)
class Norm:
    """LayerNorm with float32 weights [D]; the sums are float32 whatever comes in."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x_RD: Tensor, dtype: torch.dtype) -> Tensor:
        norm = dispatch.layer_norm(x_RD.device.type, dtype)
        return norm(x_RD, self.weight, self.bias, eps=NORM_EPS, dtype=dtype)


@dataclass(frozen=True, slots=True)
class HeadNorm:
    """GroupNorm over the heads of each row, in float32."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, y_RHN: Tensor) -> Tensor:
        """Returns [R, D]: a LayerNorm over each head, which on CPU is several times faster."""
        normed = F.layer_norm(y_RHN, y_RHN.shape[2:], eps=self.eps)
        return torch.addcmul(self.bias, normed.flatten(1), self.weight)

    def gated(self, y_RHN: Tensor, gate_RD: Tensor, bonus: Bonus | None = None) -> Tensor:
        """Returns [R, D] in the number type of the gate, which it is multiplied with."""
        op = dispatch.head_gate(y_RHN.device.type, gate_RD.dtype)
        return op(y_RHN, gate_RD, self.weight, self.bias, eps=self.eps, bonus=bonus)


def mixtures(x_RD: Tensor, mix_MD: Tensor, batch: Batch, last_SD: Tensor) -> Tensor:
    """Each row mixed with the one before it, M times, [M, R, D]; ``last_SD`` is moved on."""
    mix = dispatch.token_mix(x_RD.device.type, x_RD.dtype)
    return mix(x_RD, mix_MD, last_SD=last_SD, cu_seqlens=batch.cu_seqlens, slots=batch.slots)


def linear(x_RD: Tensor, weight: Weight, bias: Tensor | None = None) -> Tensor:
    """``x Wᵀ + b`` in the number type of ``x``; whole numbers have no ``b``."""
    if isinstance(weight, Int8Weight):
        return weight(x_RD)
    return dispatch.linear(x_RD.device.type, x_RD.dtype)(x_RD, weight, bias)


def linear_float(x_RD: Tensor, weight: Weight) -> Tensor:
    """``x Wᵀ`` as float32 without a detour over half precision, where large sums would overflow."""
    if isinstance(weight, Int8Weight) or x_RD.dtype not in HALF:
        return linear(x_RD, weight)
    if x_RD.is_cuda:
        return torch.mm(x_RD, weight.T, out_dtype=torch.float32)
    return linear(x_RD.float(), weight.float())
