"""WKV-7's inputs as the paper states them: a loop over tokens and heads."""

import math

import torch
from torch import Tensor

from longriver.kernels.wkv7_inputs.parts import Inputs, Residual, Weights

# R rows · D width · H heads · N head size · D = H · N

DECAY_SCALE = -math.exp(-0.5)
SMALLEST_NORM = 1e-12


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
    """Returns ``w_log, k, v, -removal, removal · rate`` in the number type of its inputs.

    The first four arguments are used up: their memory may become that of the results.

    Args:
        decay_RD, rate_RD: before the logistic function; the decay also before its bias.
        heads: H, N.
        residual: in all layers but the first.
    """
    rows = [_row(*row, weights, heads) for row in zip(k_RD, decay_RD, rate_RD, strict=True)]
    w_log, k, a, b = (torch.stack(parts) for parts in zip(*rows, strict=True))
    v_RD = v_RD if residual is None else _value(v_RD, residual)
    return Inputs(*(x.view(-1, *heads) for x in (w_log, k, v_RD, a, b)))


def _row(
    k_D: Tensor, decay_D: Tensor, rate_D: Tensor, weights: Weights, heads: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    w_log = DECAY_SCALE * torch.sigmoid(decay_D + weights.decay_bias_D)
    rate = torch.sigmoid(rate_D)
    removal_HN = (k_D * weights.removal_scale_D).view(heads)
    norms = removal_HN.square().sum(dim=1, keepdim=True).sqrt().clamp(min=SMALLEST_NORM)
    removal = (removal_HN / norms).flatten()
    return w_log, k_D * (1 + (rate - 1) * weights.rate_scale_D), -removal, removal * rate


def _value(v_RD: Tensor, residual: Residual) -> Tensor:
    return v_RD + (residual.first_RD - v_RD) * torch.sigmoid(residual.share_RD)
