"""Reads packed segments a span of tokens at a time, all segments in lockstep, on any device."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# n segments · C tokens of a span · H heads · N head size (K keys, V values) · R rows · S slots

Span = Callable[..., tuple[Tensor, Tensor]]
"""Takes the inputs of a span as [n, H, C, N], then S [n, H, K, V]; returns y like them, and S."""


def in_spans(
    span: Span,
    inputs_RHN: Sequence[Tensor],
    *,
    num_tokens: int,
    state_SHKV: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """Applies ``span`` to ``num_tokens`` tokens at a time; returns y [R, H, N].

    All is done in the state's number type; slots are updated in place. Where a segment ends within
    a span, ``span`` reads rows of zeros.
    """
    y_RHN = torch.zeros_like(inputs_RHN[0], dtype=state_SHKV.dtype)
    starts, lengths = cu_seqlens[:-1].long(), cu_seqlens.diff().long()
    longest = int(lengths.max()) if len(lengths) else 0
    for begin in range(0, longest, num_tokens):
        active = (lengths > begin).nonzero()[:, 0]
        offsets = torch.arange(begin, begin + num_tokens, device=starts.device)
        valid_nC = offsets < lengths[active, None]
        rows_nC = torch.where(valid_nC, starts[active, None] + offsets, 0)
        where = slots[active].long()
        inputs = (_gathered(x, rows_nC, valid_nC).to(state_SHKV.dtype) for x in inputs_RHN)
        y_nHCV, after = span(*inputs, state_SHKV[where])
        state_SHKV[where] = after
        y_RHN[rows_nC[valid_nC]] = y_nHCV.transpose(1, 2)[valid_nC]
    return y_RHN


def _gathered(x_RHN: Tensor, rows_nC: Tensor, valid_nC: Tensor) -> Tensor:
    x_nCHN = torch.where(valid_nC[..., None, None], x_RHN[rows_nC], 0)
    return x_nCHN.transpose(1, 2)
