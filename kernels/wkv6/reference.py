"""WKV-6 as the paper states it: a loop over tokens, in the number type of its inputs.

"Eagle and Finch: RWKV with Matrix-Valued States and Dynamic Recurrence" (arXiv 2404.05892):
y_t = r_t (diag(u) k_t^T v_t + S_{t-1}) and S_t = k_t^T v_t + diag(w_t) S_{t-1}, S stored as
[key, value]; Eagle's w is the same for every token.
"""

import torch
from torch import Tensor

# R rows · H heads · N head size (K keys, V values) · S slots


def wkv6(
    r_RHN: Tensor,
    w_log_RHN: Tensor,
    k_RHN: Tensor,
    v_RHN: Tensor,
    bonus_HN: Tensor,
    *,
    state_SHKV: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """Reads every segment through its slot's state, which is updated in place; returns y [R, H, N].

    Args:
        w_log_RHN: natural log of the decay, at most 0, -inf to forget; may be one row, expanded.
        bonus_HN: ``u``, the weight of the token that is read, beside 1 for the newest of its past.
        cu_seqlens: [n + 1] where segments begin; rows behind the last one are left zero.
        slots: [n] the slot of each segment, each at most once.
    """
    y_RHN, u = torch.zeros_like(r_RHN), bonus_HN[..., None]
    for segment, slot in enumerate(slots.tolist()):
        S = state_SHKV[slot].clone()
        for t in range(int(cu_seqlens[segment]), int(cu_seqlens[segment + 1])):
            r, w, k = r_RHN[t, :, :, None], w_log_RHN[t, :, :, None].exp(), k_RHN[t, :, :, None]
            kv = k * v_RHN[t, :, None, :]
            y_RHN[t] = (r * (u * kv + S)).sum(dim=1)
            S = kv + w * S
        state_SHKV[slot] = S
    return y_RHN
