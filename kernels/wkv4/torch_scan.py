"""WKV-4 for any torch device: windows of tokens combined by doubling, all rows in lockstep."""

from collections.abc import Sequence

import torch
from torch import Tensor

# R rows · D width · S slots · n segments · 3 is (aa, bb, pp): a token is (v, 1, k)


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
    """See ``longriver.kernels.wkv4.reference.wkv4``; inputs and state are of one number type."""
    if not len(slots) or not len(k_RD):
        return torch.zeros_like(k_RD)
    starts, ends, where = cu_seqlens[:-1].long(), cu_seqlens[1:].long(), slots.long()
    rows = torch.arange(len(k_RD), device=k_RD.device)
    is_token = (rows < ends[-1])[:, None]
    segment = torch.searchsorted(ends, rows, right=True).clamp(max=len(slots) - 1)
    position_R1 = (rows - starts[segment])[:, None]
    k, v = torch.where(is_token, k_RD, 0), torch.where(is_token, v_RD, 0)
    one = torch.ones_like(v)

    initial_3nD, token_3RD = state_S3D[where].movedim(1, 0), torch.stack((v, one, k))
    before = torch.where(position_R1 == 0, initial_3nD[:, segment], token_3RD.roll(1, dims=1))
    _add_past(before, decay_D, position_R1, longest=int((ends - starts).max()))
    aa, bb, _ = _combined(before.unbind(), (v, one, bonus_D + k))

    last = (ends - 1).clamp(min=0)
    after_3nD = _combined(_decayed(before[:, last], decay_D), token_3RD[:, last].unbind())
    has_tokens = (ends > starts)[:, None]
    state_S3D[where] = torch.where(has_tokens, after_3nD, initial_3nD).movedim(0, 1)
    return torch.where(is_token, aa / bb, 0)


def _add_past(x_3RD: Tensor, decay_D: Tensor, position_R1: Tensor, longest: int) -> None:
    """Turns rows that hold the newest part of their past into rows that hold the whole of it."""
    distance = 1
    while distance < longest:
        reaches = position_R1[distance:] >= distance
        aa, bb, pp = _decayed(x_3RD[:, :-distance], distance * decay_D)
        # aa and bb too: a NaN of the segment before must not get in as NaN times zero
        left = (aa.where(reaches, 0), bb.where(reaches, 0), pp.where(reaches, -torch.inf))
        newer = x_3RD[:, distance:]
        newer.copy_(_combined(left, newer.unbind()))
        distance *= 2


def _decayed(x_3RD: Tensor, decay_D: Tensor) -> Sequence[Tensor]:
    aa, bb, pp = x_3RD.unbind()
    return aa, bb, pp + decay_D


def _combined(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    (aa, bb, pp), (cc, dd, qq) = left, right
    p = torch.maximum(pp, qq)
    e1, e2 = (pp - p).exp(), (qq - p).exp()
    return torch.stack((e1 * aa + e2 * cc, e1 * bb + e2 * dd, p))
