"""WKV-7 for any torch device: matrix products over spans of 32 tokens, all segments in lockstep."""

import torch
from torch import Tensor

from longriver.kernels.spans import in_spans

# n segments · C tokens of a span · H heads · K keys, V values · R rows · S slots

SPAN = 32
"""Decays of a span stay within exp(±0.61 · 16) of its middle, far from float32's limits."""


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
    """See ``longriver.kernels.wkv7.reference.wkv7``; all is done in the state's number type."""
    return in_spans(
        _span,
        (r_RHN, w_log_RHN, k_RHN, v_RHN, a_RHN, b_RHN),
        num_tokens=SPAN,
        state_SHKV=state_SHKV,
        cu_seqlens=cu_seqlens,
        slots=slots,
    )


def _span(
    r: Tensor, w_log: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, S_nHKV: Tensor
) -> tuple[Tensor, Tensor]:
    """One span of every segment: the WY form of arXiv 2503.14456, appendix on chunked kernels."""
    total = w_log.cumsum(dim=2)
    middle = total[:, :, SPAN // 2 - 1, None]
    before = total - w_log
    grown_k, grown_b = k * (middle - total).exp(), b * (middle - total).exp()
    read_a, read_r = a * (before - middle).exp(), r * (total - middle).exp()
    past = _strictly_lower(read_a @ grown_b.mT)
    known = (a * before.exp()) @ S_nHKV + _strictly_lower(read_a @ grown_k.mT) @ v
    identity = torch.eye(SPAN, dtype=past.dtype, device=past.device)
    removed = torch.linalg.solve_triangular(identity - past, known, upper=False)
    y = (r * total.exp()) @ S_nHKV
    y = y + (read_r @ grown_b.mT).tril() @ removed + (read_r @ grown_k.mT).tril() @ v
    last = total[:, :, -1, None]
    left_k, left_b = k * (last - total).exp(), b * (last - total).exp()
    after = last.exp().mT * S_nHKV + left_b.mT @ removed + left_k.mT @ v
    return y, after


def _strictly_lower(x: Tensor) -> Tensor:
    return x.tril(-1)
