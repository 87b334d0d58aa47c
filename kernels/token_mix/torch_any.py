"""Token shift for any torch device and number type."""

import torch
from torch import Tensor

# M mixtures · R rows · D width · S slots


def token_mix(
    x_RD: Tensor, mix_MD: Tensor, *, last_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> Tensor:
    """See ``longriver.kernels.token_mix.reference.token_mix``."""
    delta_RD = before(x_RD, last_SD=last_SD, cu_seqlens=cu_seqlens, slots=slots) - x_RD
    return torch.addcmul(x_RD, delta_RD, mix_MD[:, None])


def before(x_RD: Tensor, *, last_SD: Tensor, cu_seqlens: Tensor, slots: Tensor) -> Tensor:
    """The row before each row of the same segment [R, D]; ``last_SD`` as above."""
    begins, ends, where = cu_seqlens[:-1].long(), cu_seqlens[1:].long(), slots.long()
    found = torch.empty_like(x_RD)
    found[1:] = x_RD[:-1]
    found[:1] = 0
    found[begins] = last_SD[where].to(x_RD.dtype)
    last_SD[where] = x_RD[ends - 1].float()
    return found
