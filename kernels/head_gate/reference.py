"""Normed and gated heads as the papers state it: a loop over tokens and heads."""

import torch
from torch import Tensor

from longriver.kernels.head_gate.bonus import Bonus

# R rows · H heads · N head size · D = H · N


def head_gate(
    y_RHN: Tensor,
    gate_RD: Tensor,
    weight_D: Tensor,
    bias_D: Tensor,
    *,
    eps: float,
    bonus: Bonus | None = None,
) -> Tensor:
    """Returns ``(norm(y) · weight + bias + bonus) · gate``, [R, D] in the number type of ``gate``.

    Args:
        y_RHN: what came of WKV; each head of a row is normed by its own mean and variance.
        bonus: of versions 5 and 6 none, as WKV has added theirs.
    """
    out_RHN = torch.zeros(y_RHN.shape, dtype=gate_RD.dtype)
    gate_RHN, heads = gate_RD.view(y_RHN.shape), y_RHN.shape[1:]
    for t, h in torch.cartesian_prod(*(torch.arange(n) for n in y_RHN.shape[:2])).tolist():
        y = y_RHN[t, h]
        spread = ((y - y.mean()) ** 2).mean()
        normed = (y - y.mean()) / (spread + eps).sqrt()
        out = normed * weight_D.view(heads)[h] + bias_D.view(heads)[h]
        if bonus is not None:
            r, k, v = (x[t, h] for x in bonus[:3])
            out = out + (r * k * bonus.weight_HN[h]).sum() * v
        out_RHN[t, h] = out * gate_RHN[t, h]
    return out_RHN.flatten(1)
