"""LayerNorm for any torch device and number type."""

import torch
import torch.nn.functional as F
from torch import Tensor


def layer_norm(
    x_RD: Tensor, weight_D: Tensor, bias_D: Tensor, *, eps: float, dtype: torch.dtype
) -> Tensor:
    """See ``longriver.kernels.layer_norm.reference.layer_norm``; sums are in the weight's type."""
    normed = F.layer_norm(x_RD.to(weight_D.dtype), weight_D.shape, weight_D, bias_D, eps)
    return normed.to(dtype)
