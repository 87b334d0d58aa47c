"""WKV-6 for any torch device: spans of 16 tokens with the decay between every two of them."""

import functools

import torch
from torch import Tensor

from longriver.kernels.spans import in_spans

# n segments · C tokens of a span · H heads · N head size (K keys, V values) · R rows · S slots

SPAN = 16
"""Decays between pairs take SPAN² numbers for every channel of a span."""


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
    """See ``longriver.kernels.wkv6.reference.wkv6``; inputs and state are of one number type."""
    return in_spans(
        functools.partial(_span, bonus_HN),
        (r_RHN, w_log_RHN, k_RHN, v_RHN),
        num_tokens=SPAN,
        state_SHKV=state_SHKV,
        cu_seqlens=cu_seqlens,
        slots=slots,
    )


def _span(
    bonus_HN: Tensor, r: Tensor, w_log: Tensor, k: Tensor, v: Tensor, S_nHKV: Tensor
) -> tuple[Tensor, Tensor]:
    decay = _decays(w_log)
    past = (r[..., :, None, :] * decay[..., :-1, 1:, :] * k[..., None, :, :]).sum(dim=-1).tril(-1)
    own = (r * bonus_HN[:, None] * k).sum(dim=-1, keepdim=True)
    y = (r * decay[..., :-1, 0, :]) @ S_nHKV + past @ v + own * v
    left_k, left_S = k * decay[..., -1, 1:, :], decay[..., -1, 0, :, None]
    return y, left_S * S_nHKV + left_k.mT @ v


def _decays(w_log_nHCN: Tensor) -> Tensor:
    """What token t reads of token s: exp of the sum of w_log over s < j < t, at [..., t, s + 1, :].

    s = -1 is the state before the span, and t = C the state after it. Every sum is taken on its
    own, as differences of sums would cancel, and be NaN where a decay is total (-inf).
    """
    size = w_log_nHCN.shape[-2] + 1
    index = torch.arange(size, device=w_log_nHCN.device)
    between = (index[:, None] > index)[..., None]
    newest = torch.nn.functional.pad(w_log_nHCN, (0, 0, 1, 0))[..., :, None, :]
    return newest.where(between, 0).cumsum(dim=-3).exp()
