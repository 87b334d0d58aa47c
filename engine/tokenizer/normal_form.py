"""Unicode normal forms of a document that comes in pieces, byte by byte traceable."""

import unicodedata
from functools import cache
from typing import Literal, Protocol

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.errors import DocumentError
from longriver.engine.saved import Arrays
from longriver.engine.tokenizer.code_points import code_point
from longriver.engine.tokenizer.text import NO_TEXT, Text

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

STARTS, PLAIN = 1, 2
"""A character that never joins those before it; one that among its like stays as it is."""

MAX_HELD = 1 << 20
"""Bytes without a character that starts anew; more is no text, and would be held for ever."""

LAST_ASSIGNED = 0x323AF
JAMO_VOWELS_AND_TAILS = frozenset(map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))


class Rewriter(Protocol):
    """Puts a whole text into the normal form; ``tokenizers.normalizers`` has such objects."""

    def normalize_str(self, sequence: str) -> str: ...


class NormalForm:
    """Cuts text where the normal form of the whole is that of the parts, and rewrites each part.

    Such a place is before a starter that composes with nothing before it (UAX 15, "Stable code
    points"). The rewriter has the last word on every part that is not plain.
    """

    def __init__(self, form: Form, rewriter: Rewriter) -> None:
        self._traits = traits(form)
        self._rewriter = rewriter
        self._carry = NO_TEXT

    def feed(self, text: Text, *, is_end: bool) -> Text:
        """The normal form as far as later text cannot change it."""
        text = self._carry + text
        data = np.frombuffer(text.data, np.uint8)
        used = len(text) if is_end else _last_start(data, self._traits)
        self._carry = text[used:]
        if len(self._carry) > MAX_HELD:
            raise DocumentError(
                "untokenizable", f"{MAX_HELD} bytes of combining characters without any other"
            )
        return self._normal(text[:used])

    def save(self) -> Arrays:
        return self._carry.save()

    def restore(self, saved: Arrays) -> None:
        self._carry = Text.restore(saved)

    def _normal(self, text: Text) -> Text:
        if text.data.isascii():
            return text
        starts, ends = _odd_parts(np.frombuffer(text.data, np.uint8), self._traits)
        if not len(starts) or self._rewritten(text.data) == text.data:
            return text
        parts, at = [], 0
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            part = text[start:end]
            parts += [text[at:start], part.rewritten(self._rewritten(part.data))]
            at = end
        parts.append(text[at:])
        return Text(
            b"".join(part.data for part in parts), np.concatenate([part.ends for part in parts])
        )

    def _rewritten(self, data: bytes) -> bytes:
        return self._rewriter.normalize_str(data.decode()).encode()


@cache
def traits(form: Form) -> Bytes:
    """STARTS and PLAIN of every code point; characters that Python does not know have neither."""
    seconds = JAMO_VOWELS_AND_TAILS | {
        chr(int(parts[1], 16))
        for code in range(LAST_ASSIGNED + 1)
        if len(parts := unicodedata.decomposition(chr(code)).split()) == 2 and parts[0][0] != "<"
    }
    table = np.zeros(0x110000, np.uint8)
    for code in range(LAST_ASSIGNED + 1):
        char = chr(code)
        if unicodedata.category(char) in ("Cn", "Cs"):
            continue
        first = unicodedata.normalize("NFKD", char)[0]
        joins = unicodedata.combining(char) or unicodedata.combining(first)
        if not joins and char not in seconds and first not in seconds:
            is_plain = unicodedata.normalize(form, char) == char
            table[code] = STARTS | (PLAIN if is_plain else 0)
    return table


@numba.njit(cache=True, nogil=True)
def _last_start(data: Bytes, traits: Bytes) -> int:
    at = len(data)
    while at > 0:
        at -= 1
        if data[at] & 0xC0 != 0x80 and traits[code_point(data, at)[0]] & STARTS:
            return at
    return 0


@numba.njit(cache=True, nogil=True)
def _odd_parts(data: Bytes, traits: Bytes) -> tuple[Longs, Longs]:
    """The parts, each from one starter to the next, in which not every character is plain."""
    starts, ends = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
    count, at, start, is_odd = 0, 0, 0, False
    while at < len(data):
        code, width = code_point(data, at)
        if traits[code] & STARTS:
            if is_odd:
                starts[count], ends[count] = start, at
                count += 1
            start, is_odd = at, False
        is_odd |= not traits[code] & PLAIN
        at += width
    if is_odd:
        starts[count], ends[count] = start, at
        count += 1
    return starts[:count].copy(), ends[:count].copy()
