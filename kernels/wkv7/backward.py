"""WKV-7 with gradients on CPU, for training: equal-length sequences, state carried in and out."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]

SPAN = 16
"""Tokens between two saved states; the backward pass recomputes the states in between."""


def wkv7_train(
    r_BTHN: Tensor,
    w_BTHN: Tensor,
    k_BTHN: Tensor,
    v_BTHN: Tensor,
    a_BTHN: Tensor,
    b_BTHN: Tensor,
    state_BHKV: Tensor,
) -> tuple[Tensor, Tensor]:
    """Returns y [B, T, H, N] and the final state, which carries no gradient.

    Args:
        w_BTHN: the decay itself, in (0, 1]; otherwise the letters of the reference.
    """
    apply: Callable[..., tuple[Tensor, Tensor]] = _Wkv7.apply
    return apply(r_BTHN, w_BTHN, k_BTHN, v_BTHN, a_BTHN, b_BTHN, state_BHKV)


class _Wkv7(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Tensor) -> tuple[Tensor, Tensor]:
        inputs = [x.detach().contiguous() for x in args]
        y, state = torch.empty_like(inputs[0]), inputs[6].clone()
        batch, length, heads, size = y.shape
        saved = torch.empty(batch, heads, -(-length // SPAN), size, size)
        _forward(*[x.numpy() for x in inputs[:6]], state.numpy(), saved.numpy(), y.numpy())
        ctx.save_for_backward(*inputs[:6], saved)
        ctx.mark_non_differentiable(state)
        return y, state

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, saved = ctx.saved_tensors
        gradients = [torch.empty_like(x) for x in inputs]
        dy = grads[0].contiguous()
        _backward(
            *[x.numpy() for x in inputs], saved.numpy(), dy.numpy(), *[g.numpy() for g in gradients]
        )
        return *gradients, None


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True)
def _forward(
    r: Floats,
    w: Floats,
    k: Floats,
    v: Floats,
    a: Floats,
    b: Floats,
    state: Floats,
    saved: Floats,
    y: Floats,
) -> None:
    batch, length, heads, size = r.shape
    for index in numba.prange(batch * heads):
        n, h = index // heads, index % heads
        S = state[n, h]
        removed = np.empty(size, np.float32)
        for t in range(length):
            if t % SPAN == 0:
                saved[n, h, t // SPAN] = S
            _step(S, w[n, t, h], k[n, t, h], v[n, t, h], a[n, t, h], b[n, t, h], removed)
            y[n, t, h] = 0
            for i in range(size):
                for j in range(size):
                    y[n, t, h, j] += r[n, t, h, i] * S[i, j]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _step(
    S: Floats, w: Floats, k: Floats, v: Floats, a: Floats, b: Floats, removed: Floats
) -> None:
    size = S.shape[0]
    removed[:] = 0
    for i in range(size):
        for j in range(size):
            removed[j] += a[i] * S[i, j]
    for i in range(size):
        for j in range(size):
            S[i, j] = w[i] * S[i, j] + b[i] * removed[j] + k[i] * v[j]


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True)
def _backward(
    r: Floats,
    w: Floats,
    k: Floats,
    v: Floats,
    a: Floats,
    b: Floats,
    saved: Floats,
    dy: Floats,
    dr: Floats,
    dw: Floats,
    dk: Floats,
    dv: Floats,
    da: Floats,
    db: Floats,
) -> None:
    batch, length, heads, size = r.shape
    for index in numba.prange(batch * heads):
        n, h = index // heads, index % heads
        states = np.empty((SPAN + 1, size, size), np.float32)
        removed = np.empty((SPAN, size), np.float32)
        dS = np.zeros((size, size), np.float32)
        dremoved = np.empty(size, np.float32)
        dvalue = np.empty(size, np.float32)
        for span in range((length - 1) // SPAN, -1, -1):
            begin, end = span * SPAN, min(span * SPAN + SPAN, length)
            states[0] = saved[n, h, span]
            for t in range(begin, end):
                s = t - begin
                states[s + 1] = states[s]
                _step(
                    states[s + 1],
                    w[n, t, h],
                    k[n, t, h],
                    v[n, t, h],
                    a[n, t, h],
                    b[n, t, h],
                    removed[s],
                )
            for t in range(end - 1, begin - 1, -1):
                s = t - begin
                before, after = states[s], states[s + 1]
                dremoved[:] = 0
                dvalue[:] = 0
                for i in range(size):
                    query, key, weight = r[n, t, h, i], k[n, t, h, i], b[n, t, h, i]
                    sum_r = np.float32(0)
                    sum_w = np.float32(0)
                    sum_k = np.float32(0)
                    sum_b = np.float32(0)
                    for j in range(size):
                        grad = dS[i, j] + query * dy[n, t, h, j]
                        dS[i, j] = grad
                        sum_r += after[i, j] * dy[n, t, h, j]
                        sum_w += grad * before[i, j]
                        sum_k += grad * v[n, t, h, j]
                        sum_b += grad * removed[s, j]
                        dvalue[j] += grad * key
                        dremoved[j] += grad * weight
                    dr[n, t, h, i] = sum_r
                    dw[n, t, h, i] = sum_w
                    dk[n, t, h, i] = sum_k
                    db[n, t, h, i] = sum_b
                dv[n, t, h] = dvalue
                for i in range(size):
                    decay, removal = w[n, t, h, i], a[n, t, h, i]
                    sum_a = np.float32(0)
                    for j in range(size):
                        sum_a += before[i, j] * dremoved[j]
                        dS[i, j] = decay * dS[i, j] + removal * dremoved[j]
                    da[n, t, h, i] = sum_a
