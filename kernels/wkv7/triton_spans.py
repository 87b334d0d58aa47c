"""What spans of WKV-7 tokens make of any state that they may begin with, all of them at once."""

import triton
import triton.language as tl

from longriver.kernels.triton_launch import floats

# H heads · N head size (K keys, V values, padded) · P spans of C tokens


@triton.jit
def dot(x: tl.tensor, y: tl.tensor, PRECISION: tl.constexpr) -> tl.tensor:
    """A product on tensor cores, summed in float32."""
    return tl.dot(x, y, input_precision=PRECISION)


@triton.jit
def _inverse(
    past: tl.tensor, C: tl.constexpr, DOUBLINGS: tl.constexpr, PRECISION: tl.constexpr
) -> tl.tensor:
    """Of 1 - past, which is strictly lower triangular: (1 + past)(1 + past²)(1 + past⁴)…"""
    i = tl.arange(0, C)
    found = tl.where(i[:, None] == i[None, :], 1.0, past)
    power = past
    for _ in tl.static_range(DOUBLINGS):
        power = dot(power, power, PRECISION)
        found += dot(found, power, PRECISION)
    return found


@triton.jit
def _span(
    cu_seqlens: tl.tensor, num_segments: tl.tensor, p: tl.tensor, C: tl.constexpr
) -> tl.tuple:
    """First token of span p and the one behind it; segment s begins with span cu[s] // C + s."""
    low, high, length = tl.zeros_like(p), tl.zeros_like(p) + num_segments, num_segments
    while length > 0:
        middle = (low + high + 1) // 2
        is_behind = tl.load(cu_seqlens + middle) // C + middle > p
        low, high = tl.where(is_behind, low, middle), tl.where(is_behind, middle - 1, high)
        length = length // 2
    segment = tl.minimum(low, num_segments - 1)
    begin, end = tl.load(cu_seqlens + segment), tl.load(cu_seqlens + segment + 1)
    first = begin + (p - begin // C - segment) * C
    return first, tl.minimum(first + C, end)


@triton.jit(do_not_specialize=["num_segments"], do_not_specialize_on_alignment=["cu_seqlens"])
def summarize(
    r: tl.tensor,
    w_log: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    y: tl.tensor,
    of_removed: tl.tensor,
    removed: tl.tensor,
    of_y: tl.tensor,
    left_b: tl.tensor,
    left_k: tl.tensor,
    decay: tl.tensor,
    cu_seqlens: tl.tensor,
    num_segments: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    C: tl.constexpr,
    PRECISION: tl.constexpr,
    DOUBLINGS: tl.constexpr,
) -> None:
    """One program for a span and a head: what it makes of any state S that it may begin with.

    Removal sums are ``removed + of_removed S``, outputs ``y + of_y S``.
    """
    p, h = tl.program_id(0) // H, tl.program_id(0) % H
    first, end = _span(cu_seqlens, num_segments, p, C)
    if first >= end:
        return
    c, i = tl.arange(0, C), tl.arange(0, K)
    inside = (first + c < end)[:, None] & (i < N)[None, :]
    at = ((first + c).to(tl.int64)[:, None] * H + h) * N + i[None, :]
    log = floats(w_log, at, inside)
    total = tl.cumsum(log, axis=0)
    before = total - log
    last = tl.sum(log, axis=0)[None, :]
    middle = tl.sum(tl.where(c[:, None] == C // 2 - 1, total, 0.0), axis=0)[None, :]
    grow, left = tl.exp(middle - total), tl.exp(last - total)
    key, weight, value = floats(k, at, inside), floats(b, at, inside), floats(v, at, inside)
    removal, query = floats(a, at, inside), floats(r, at, inside)
    to = ((p.to(tl.int64) * H + h) * C + c[:, None]) * N + i[None, :]
    is_head = (i < N)[None, :] & (c >= 0)[:, None]
    tl.store(left_b + to, weight * left, mask=is_head)
    tl.store(left_k + to, key * left, mask=is_head)
    tl.store(decay + (p.to(tl.int64) * H + h) * N + i[None, :], tl.exp(last), mask=(i < N)[None, :])
    grown_b, grown_k = tl.trans(weight * grow), tl.trans(key * grow)
    is_past, is_seen = c[:, None] > c[None, :], c[:, None] >= c[None, :]
    read = removal * tl.exp(before - middle)
    past = tl.where(is_past, dot(read, grown_b, PRECISION), 0.0)
    inverse = _inverse(past, C, DOUBLINGS, PRECISION)
    known = dot(tl.where(is_past, dot(read, grown_k, PRECISION), 0.0), value, PRECISION)
    from_past = dot(inverse, removal * tl.exp(before), PRECISION)
    known = dot(inverse, known, PRECISION)
    tl.store(of_removed + to, from_past, mask=is_head)
    tl.store(removed + to, known, mask=is_head)
    read = query * tl.exp(total - middle)
    by_b = tl.where(is_seen, dot(read, grown_b, PRECISION), 0.0)
    by_k = tl.where(is_seen, dot(read, grown_k, PRECISION), 0.0)
    output = dot(by_b, known, PRECISION) + dot(by_k, value, PRECISION)
    tl.store(y + at, output, mask=inside)
    tl.store(of_y + to, query * tl.exp(total) + dot(by_b, from_past, PRECISION), mask=is_head)
