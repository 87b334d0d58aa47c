"""What the layers of every version are made of; weights are [out, in]."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch

# R packed rows · D width · H heads · N head size

NORM_EPS = 1e-5
HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True, slots=True)
class Norm:
    """LayerNorm with float32 weights [D]; the sums are float32 whatever comes in."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x_RD: Tensor, dtype: torch.dtype) -> Tensor:
        normed = F.layer_norm(x_RD.float(), self.weight.shape, self.weight, self.bias, NORM_EPS)
        return normed.to(dtype)


@dataclass(frozen=True, slots=True)
class HeadNorm:
    """GroupNorm over the heads of each row, in float32."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, y_RHN: Tensor) -> Tensor:
        """Returns [R, D]. A LayerNorm over each head is the same, and on CPU several times faster."""
        normed = F.layer_norm(y_RHN, y_RHN.shape[2:], eps=self.eps)
        return torch.addcmul(self.bias, normed.flatten(1), self.weight)


def shifted(x_RD: Tensor, batch: Batch, last_SD: Tensor) -> Tensor:
    """The row before each row of the same document; ``last_SD`` keeps each segment's last one."""
    before = torch.empty_like(x_RD)
    before[1:] = x_RD[:-1]
    before[0] = 0
    slots = batch.slots.long()
    before[batch.starts] = last_SD[slots].to(x_RD.dtype)
    last_SD[slots] = x_RD[batch.ends].float()
    return before


def linear_float(x_RD: Tensor, weight: Tensor) -> Tensor:
    """``x Wᵀ`` as float32 without a detour over half precision, where large sums would overflow."""
    if x_RD.dtype not in HALF:
        return F.linear(x_RD, weight)
    if x_RD.is_cuda:
        return torch.mm(x_RD, weight.T, out_dtype=torch.float32)
    return F.linear(x_RD.float(), weight.float())
