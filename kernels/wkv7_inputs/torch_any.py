"""WKV-7's inputs for any torch device and number type."""

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.kernels.wkv7_inputs.parts import Inputs, Residual, Weights
from longriver.kernels.wkv7_inputs.reference import DECAY_SCALE, SMALLEST_NORM

# R rows · D width · H heads · N head size · D = H · N


def wkv7_inputs(
    k_RD: Tensor,
    v_RD: Tensor,
    decay_RD: Tensor,
    rate_RD: Tensor,
    weights: Weights,
    *,
    heads: tuple[int, int],
    residual: Residual | None = None,
) -> Inputs:
    """See ``longriver.kernels.wkv7_inputs.reference.wkv7_inputs``; results are ``w0``'s type."""
    wide = weights.decay_bias_D.dtype
    if residual is not None:
        v_RD = torch.addcmul(v_RD, residual.first_RD - v_RD, residual.share_RD.sigmoid())
    w_log = (decay_RD.to(wide) + weights.decay_bias_D).sigmoid_().mul_(DECAY_SCALE)
    rate = rate_RD.sigmoid()
    removal = (k_RD * weights.removal_scale_D).to(wide).view(-1, *heads)
    removal = F.normalize(removal, dim=2, eps=SMALLEST_NORM)
    k_RD = k_RD * torch.addcmul(1 - weights.rate_scale_D, rate, weights.rate_scale_D)
    w_log, k, v, rate = (x.to(wide).view(-1, *heads) for x in (w_log, k_RD, v_RD, rate))
    return Inputs(w_log, k, v, -removal, removal * rate)
