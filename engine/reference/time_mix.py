"""The time mixes of all versions in float64, in the letters of their papers.

RWKV-4: arXiv 2305.13048. RWKV-5 and 6: arXiv 2404.05892. RWKV-7: arXiv 2503.14456.
"""

import numpy as np

from longriver.engine.reference.weights import Array, Memory, Weights, head_norm, sigmoid, silu
from longriver.engine.version import Version


def initial(version: Version, w: Weights, D: int) -> Array:
    """What a layer holds before the first token; 7 orders S as [H, V, K], 5 and 6 as [H, K, V]."""
    if version == Version.V4:
        return np.array([np.zeros(D), np.zeros(D), np.full(D, -np.inf)])
    heads = w("r_k" if version == Version.V7 else "time_decay").shape[0]
    if version == Version.V6:
        heads = w("time_faaaa").shape[0]
    if "time_state" not in w:
        return np.zeros((heads, D // heads, D // heads))
    stored = w("time_state")
    return stored if version == Version.V7 else stored.transpose(0, 2, 1)


def rwkv4(w: Weights, x: Array, before: Memory) -> tuple[Array, Array]:
    xk, xv, xr = _static_mixes(w, x, before, "kvr")
    k, v = w("key.weight") @ xk, w("value.weight") @ xv
    aa, bb, pp = before.S
    decay, u = -np.exp(w("time_decay")), w("time_first")
    top = np.maximum(pp, u + k)
    past, now = np.exp(pp - top), np.exp(u + k - top)
    wkv = (past * aa + now * v) / (past * bb + now)
    top = np.maximum(pp + decay, k)
    past, now = np.exp(pp + decay - top), np.exp(k - top)
    after = np.array([past * aa + now * v, past * bb + now, top])
    return w("output.weight") @ (sigmoid(w("receptance.weight") @ xr) * wkv), after


def rwkv5(w: Weights, x: Array, before: Memory, eps: float) -> tuple[Array, Array]:
    xr, xk, xv = _static_mixes(w, x, before, "rkv")
    H, _N = before.S.shape[:2]
    decay = np.exp(-np.exp(w("time_decay").reshape(H, -1, 1)))
    u = w("time_faaaa") if "time_faaaa" in w else np.exp(w("time_first"))
    y, S = _linear_attention(w, (xr, xk, xv), decay, u.reshape(H, -1, 1), before.S)
    out = head_norm(y, w.below("ln_x"), eps)
    if "gate.weight" in w:
        (xg,) = _static_mixes(w, x, before, "g")
        out = out * silu(w("gate.weight") @ xg)
    return w("output.weight") @ out, S


def rwkv6(w: Weights, x: Array, before: Memory, eps: float) -> tuple[Array, Array]:
    delta = before.att_shift - x
    learnt = np.tanh((x + delta * w("time_maa_x")) @ w("time_maa_w1")).reshape(5, -1)
    mixes = {z: part @ up for z, part, up in zip("wkvrg", learnt, w("time_maa_w2"), strict=True)}
    xw, xk, xv, xr, xg = (x + delta * (w(f"time_maa_{z}") + mixes[z]) for z in "wkvrg")
    H, N = before.S.shape[:2]
    d = w("time_decay") + np.tanh(xw @ w("time_decay_w1")) @ w("time_decay_w2")
    decay = np.exp(-np.exp(d)).reshape(H, N, 1)
    y, S = _linear_attention(w, (xr, xk, xv), decay, w("time_faaaa")[:, :, None], before.S)
    out = head_norm(y, w.below("ln_x"), eps) * silu(w("gate.weight") @ xg)
    return w("output.weight") @ out, S


def rwkv7(
    w: Weights, x: Array, before: Memory, v_first: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    H, N = w("r_k").shape
    delta = before.att_shift - x
    xr, xw, xk, xv, xa, xg = (x + delta * w(f"x_{z}") for z in "rwkvag")
    r, k, v = w("receptance.weight") @ xr, w("key.weight") @ xk, w("value.weight") @ xv
    decay = np.exp(-np.exp(-0.5) * sigmoid(w("w0") + np.tanh(xw @ w("w1")) @ w("w2")))
    a = sigmoid(w("a0") + xa @ w("a1") @ w("a2"))
    g = sigmoid(xg @ w("g1")) @ w("g2")
    if v_first is None:
        v_first = v
    else:
        v = v + (v_first - v) * sigmoid(w("v0") + xv @ w("v1") @ w("v2"))
    kk = (k * w("k_k")).reshape(H, N)
    kk = kk / np.maximum(np.linalg.norm(kk, axis=1, keepdims=True), 1e-12)
    k = k * (1 + (a - 1) * w("k_a"))
    r, decay, k, v_HN, a = (z.reshape(H, N) for z in (r, decay, k, v, a))
    S = before.S * decay[:, None, :]
    S = S - (before.S @ kk[:, :, None]) @ (kk * a)[:, None, :]
    S = S + v_HN[:, :, None] @ k[:, None, :]
    y = head_norm((S @ r[:, :, None])[:, :, 0], w.below("ln_x"), eps)
    y = y + ((r * k * w("r_k")).sum(1, keepdims=True) * v_HN).reshape(-1)
    return w("output.weight") @ (y * g), S, v_first


def _static_mixes(w: Weights, x: Array, before: Memory, letters: str) -> list[Array]:
    mixes = [w(f"time_mix_{z}") for z in letters]
    return [x * mix + before.att_shift * (1 - mix) for mix in mixes]


def _linear_attention(
    w: Weights, inputs: tuple[Array, Array, Array], decay: Array, u: Array, S: Array
) -> tuple[Array, Array]:
    """One token of versions 5 and 6: y [H, N] and S [H, K, V]; decay and u as [H, K or 1, 1]."""
    H, N = S.shape[:2]
    names = ("receptance", "key", "value")
    r, k, v = (
        (w(f"{name}.weight") @ z).reshape(H, N) for name, z in zip(names, inputs, strict=True)
    )
    kv = k[:, :, None] @ v[:, None, :]
    y = (r[:, None, :] @ (u * kv + S))[:, 0]
    return y, kv + decay * S
