"""Where GPT-2's regular expression ends a word, in text of which more may come."""

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.tokenizer.code_points import SPACE, code_point

Bytes = npt.NDArray[np.uint8]

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""From OpenAI's ``encoder.py`` of 2019; whatever it meets, some alternative matches."""

BETWEEN = 255
"""The kind of no word: the next byte begins one."""

BLANK, APOSTROPHE = ord(" "), ord("'")
S, T, M, D, R, V, L, E = b"stmdrvle"


@numba.njit(cache=True, nogil=True)
def word_at(
    data: Bytes, start: int, limit: int, is_closed: bool, kind: int, classes: Bytes
) -> tuple[int, bool, int]:
    """Where the word that begins or goes on at ``start`` ends, and its kind.

    Args:
        limit: the end of the section as far as it is here; ``is_closed``: all of it is here.
        kind: BETWEEN if a word begins here.

    Returns:
        The end, whether that is the end for sure (otherwise: up to where the word certainly goes),
        and the kind.
    """
    begin, is_new = start, kind == BETWEEN
    if is_new:
        if data[start] == APOSTROPHE:
            size, is_sure = _contraction(data, start, limit)
            if size > 0 or not (is_sure or is_closed):
                return start + size, is_sure, BETWEEN
        kind = classes[code_point(data, start)[0]]
        if data[start] == BLANK and start + 1 < limit:
            following = classes[code_point(data, start + 1)[0]]
            if following != SPACE:
                begin, kind = start + 1, following
    while begin < limit and data[begin] & 0xC0 == 0x80:
        begin += 1
    end = _run_end(data, begin, limit, kind, classes)
    if kind != SPACE or (end == limit and is_closed):
        return end, end < limit or is_closed, kind
    # the last space is no part of the word, unless it is the only one
    held = _last_character(data, end)
    if end < limit and held == start and is_new:
        return end, True, kind
    return held, end < limit, kind


@numba.njit(cache=True, nogil=True)
def _contraction(data: Bytes, start: int, limit: int) -> tuple[int, bool]:
    """The size of ``'s`` and its like at ``start`` (0: none), and whether that is sure."""
    if start + 1 == limit:
        return 0, False
    first = data[start + 1]
    if first in (S, T, M, D):
        return 2, True
    if first not in (R, V, L):
        return 0, True
    if start + 2 == limit:
        return 0, False
    is_three = data[start + 2] == (L if first == L else E)
    return (3 if is_three else 0), True


@numba.njit(cache=True, nogil=True)
def _run_end(data: Bytes, start: int, limit: int, kind: int, classes: Bytes) -> int:
    at = start
    while at < limit:
        code, width = code_point(data, at)
        if classes[code] != kind:
            break
        at += width
    return at


@numba.njit(cache=True, nogil=True)
def _last_character(data: Bytes, end: int) -> int:
    at = end - 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    return at
