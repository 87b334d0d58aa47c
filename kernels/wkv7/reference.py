"""WKV-7 as the paper states it: a loop over tokens, in the number type of its inputs.

"RWKV-7 Goose with Expressive Dynamic State Evolution" (arXiv 2503.14456), equation 17:
S_t = S_{t-1} (diag(w_t) + a_t b_t^T) + k_t v_t^T and y_t = S_t^T r_t, S stored as [key, value].
"""

import torch
from torch import Tensor

# R rows · H heads · N head size (K keys, V values) · S slots


def wkv7(
    r_RHN: Tensor,
    w_log_RHN: Tensor,
    k_RHN: Tensor,
    v_RHN: Tensor,
    a_RHN: Tensor,
    b_RHN: Tensor,
    *,
    state_SHKV: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """Reads every segment through its slot's state, which is updated in place; returns y [R, H, N].

    Args:
        w_log_RHN: natural log of the decay, at most 0.
        a_RHN, b_RHN: the removal key and its weight, ``-kk`` and ``kk * a`` in RWKV-7's letters.
        cu_seqlens: [n + 1] where segments begin; rows behind the last one are left zero.
        slots: [n] the slot of each segment, each at most once.
    """
    y_RHN = torch.zeros_like(r_RHN)
    for segment, slot in enumerate(slots.tolist()):
        S = state_SHKV[slot].clone()
        for t in range(int(cu_seqlens[segment]), int(cu_seqlens[segment + 1])):
            r, w, k = r_RHN[t, :, :, None], w_log_RHN[t, :, :, None].exp(), k_RHN[t, :, :, None]
            a, b, v = a_RHN[t, :, :, None], b_RHN[t, :, :, None], v_RHN[t, :, None, :]
            removed = (a * S).sum(dim=1, keepdim=True)
            S = w * S + b * removed + k * v
            y_RHN[t] = (r * S).sum(dim=1)
        state_SHKV[slot] = S
    return y_RHN
