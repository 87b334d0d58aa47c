"""Byte-pair encoding as a walk from left to right: the last token of every prefix.

A token can stand in an encoding only if its own bytes encode to it, and a row of such tokens is an
encoding exactly if every two neighbours are: merges on both sides of a boundary run as they would
alone until the first one crosses it. So the encoding of a prefix is the encoding of a shorter one
and a last token that gets on with the one before, and there is only one such token.
"""

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.tokenizer.bpe import NEVER, NONE, Bpe, slot_of
from longriver.engine.tokenizer.trie import BYTES, ROOT

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@numba.njit(cache=True, nogil=True)
def _are_neighbours(bpe: Bpe, left: int, right: int) -> bool:
    """Whether two tokens side by side stay as they are.

    Goes back in time, from the tokens to their bytes, and asks of every two parts that ever met at
    the boundary whether they would have been merged before either was merged with its own side.
    At equal rank the merge further left comes first.
    """
    left_end, right_end = NEVER, NEVER
    while True:
        slot = slot_of(bpe.merges.pairs, left, right)
        rank = bpe.merges.ranks[slot]
        if bpe.merges.pairs[slot] != NONE and rank < left_end and rank <= right_end:
            return False
        if bpe.rank[left] > bpe.rank[right]:
            left_end, left = bpe.rank[left], bpe.right[left]
        elif bpe.rank[right] != NONE:
            right_end, right = bpe.rank[right], bpe.left[right]
        else:
            return True


@numba.njit(cache=True, nogil=True)
def whole_token(bpe: Bpe, data: Bytes, start: int, end: int) -> int:
    """The token that is exactly these bytes, or NONE."""
    node = ROOT
    for at in range(start, end):
        child = bpe.base[node] + data[at]
        if bpe.check[child] != node:
            return NONE
        node = child
    return int(bpe.token[node])


@numba.njit(cache=True, nogil=True)
def walk(
    bpe: Bpe, data: Bytes, start: int, end: int, before: int, last: Ints, is_live: Bools
) -> None:
    """Finds the last token of every prefix of ``data[start:end]``.

    Args:
        before: the token that ends at start, or NONE at the beginning of the text.
        last: [> end], receives the token that ends there, or NONE where none can.
        is_live: [> end], receives whether a token of a longer text can begin there.
    """
    last[start : end + 1] = NONE
    is_live[start : end + 1] = False
    leaf = len(bpe.base) - BYTES
    for begin in range(start, end):
        previous = before if begin == start else last[begin]
        if begin > start and previous == NONE:
            continue
        node, at = ROOT, begin
        while at < end:
            child = bpe.base[node] + data[at]
            if bpe.check[child] != node:
                break
            node = child
            at += 1
            token = bpe.token[node]
            if (
                token != NONE
                and last[at] == NONE
                and (previous == NONE or _are_neighbours(bpe, previous, token))
            ):
                last[at] = token
        is_live[begin] = at == end and bpe.base[node] != leaf
    is_live[end] = True


@numba.njit(cache=True, nogil=True)
def settled(bpe: Bpe, start: int, end: int, last: Ints, is_live: Bools) -> int:
    """Up to where all encodings that can still go on agree: their last common boundary."""
    count = 0
    for at in range(start, end + 1):
        count += is_live[at]
    at = end
    while count > 1:
        if is_live[at]:
            before = at - bpe.size[last[at]]
            if is_live[before]:
                count -= 1
            is_live[before] = True
        at -= 1
    while not is_live[at]:
        at -= 1
    return at


@numba.njit(cache=True, nogil=True)
def write(bpe: Bpe, start: int, end: int, last: Ints, ids: Ints, ends: Longs, count: int) -> int:
    """Appends the tokens between two boundaries; returns the new count."""
    size, at = 0, end
    while at > start:
        size += 1
        at -= bpe.size[last[at]]
    at, index = end, count + size
    while at > start:
        index -= 1
        ids[index], ends[index] = last[at], at
        at -= bpe.size[last[at]]
    return count + size
