"""Token shift as the papers state it: a loop over tokens, in the number type of its inputs."""

import torch
from torch import Tensor

# M mixtures · R rows · D width · S slots


def token_mix(
    x_RD: Tensor, mix_MD: Tensor, *, last_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> Tensor:
    """Returns ``x + (before - x) · mix`` for every mixture, [M, R, D].

    Args:
        last_SD: float32, the last row that each slot has seen; updated in place.
        cu_seqlens: [n + 1] where segments begin, none of them empty; what comes of rows behind the
            last one means nothing.
        slots: [n] the slot of each segment, each at most once.
    """
    y_MRD = torch.zeros(len(mix_MD), *x_RD.shape, dtype=x_RD.dtype)
    for segment, slot in enumerate(slots.tolist()):
        for t in range(int(cu_seqlens[segment]), int(cu_seqlens[segment + 1])):
            before = last_SD[slot].to(x_RD.dtype)
            y_MRD[:, t] = x_RD[t] + (before - x_RD[t]) * mix_MD
            last_SD[slot] = x_RD[t]
    return y_MRD
