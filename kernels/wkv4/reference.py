"""WKV-4 as the paper states it: a loop over tokens, in the number type of its inputs.

"RWKV: Reinventing RNNs for the Transformer Era" (arXiv 2305.13048): a mean of the values so far,
weighted by exp(key) and the time since; aa / bb, both short of a factor exp(pp) lest they overflow.
"""

import torch
from torch import Tensor

# R rows · D width · S slots


def wkv4(
    k_RD: Tensor,
    v_RD: Tensor,
    *,
    decay_D: Tensor,
    bonus_D: Tensor,
    state_S3D: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """Reads every segment through its slot's state, which is updated in place; returns y [R, D].

    Args:
        decay_D: natural log of the decay a token, below 0.
        bonus_D: ``u``, what is added to the key of the token that is read, for that token only.
        state_S3D: (aa, bb, pp), before the first token (0, 0, -1e30). (aa e^c, bb e^c, pp - c) is
            the same state, and implementations differ in c.
        cu_seqlens: [n + 1] where segments begin; rows behind the last one are left zero.
        slots: [n] the slot of each segment, each at most once.
    """
    y_RD = torch.zeros_like(k_RD)
    for segment, slot in enumerate(slots.tolist()):
        aa, bb, pp = state_S3D[slot].clone()
        for t in range(int(cu_seqlens[segment]), int(cu_seqlens[segment + 1])):
            k, v = k_RD[t], v_RD[t]
            e1, e2, _ = _weights(pp, bonus_D + k)
            y_RD[t] = (e1 * aa + e2 * v) / (e1 * bb + e2)
            e1, e2, pp = _weights(pp + decay_D, k)
            aa, bb = e1 * aa + e2 * v, e1 * bb + e2
        state_S3D[slot] = torch.stack((aa, bb, pp))
    return y_RD


def _weights(past: Tensor, now: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    p = torch.maximum(past, now)
    return (past - p).exp(), (now - p).exp(), p
