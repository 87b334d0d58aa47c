"""A document's bytes on their way from its source to its segments."""

import codecs
from collections import deque

from longriver.jobs.boundaries import Finder, Gap

REACH = 3
"""Bytes of a character that others can follow, at most."""


class HeardText:
    """Keeps the bytes that have been heard and are still to be taken.

    Memory is what the tokenizer has been given and the network has not read yet.

    Args:
        finder: finds the gaps between stretches of text; None: there are none.
        taken: bytes of the document that need not be kept.

    gaps:  in order, all that have been found.
    known: before this byte every character is known, and every gap found.
    """

    def __init__(self, finder: Finder | None, taken: int = 0) -> None:
        self.gaps: deque[Gap] = deque()
        self.known = 0
        self._finder = finder
        # bytes that are no UTF-8 become one character each, so that positions can be told
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._buffer = bytearray()
        self._taken, self._heard = taken, 0
        self._base = max(taken - REACH, 0)

    def hear(self, data: bytes | memoryview) -> None:
        """Takes the next bytes, from the document's first one on."""
        self._buffer += memoryview(data)[max(self._base - self._heard, 0) :]
        self._heard += len(data)
        if self._finder is None:
            self.known = self._heard
        else:
            self._find(self._finder, bytes(data))

    def take(self, end: int) -> bytes:
        """The bytes from where the last ones ended."""
        found = bytes(self._buffer[self._taken - self._base : end - self._base])
        self._taken, base = end, max(end - REACH, 0)
        del self._buffer[: base - self._base]
        self._base = base
        return found

    def is_cuttable(self, position: int) -> bool:
        """Whether no character lies across this byte, which is not before those taken."""
        here = position - self._base
        following = self._buffer[here : here + 1]
        if following and not 0x80 <= following[0] < 0xC0:
            return True
        before = bytes(self._buffer[max(here - REACH, 0) : here])
        return codecs.utf_8_decode(before, "replace", False)[1] == len(before)

    def _find(self, finder: Finder, data: bytes) -> None:
        for character in self._decoder.decode(data):
            end = self.known + _width(character)
            if (gap := finder.feed(character, self.known, end)) is not None:
                self.gaps.append(gap)
            self.known = end


def _width(character: str) -> int:
    """Bytes of a character; an escaped byte is a lone surrogate, which no UTF-8 text has."""
    code = ord(character)
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:
        return 1
    return 2 if code < 0x800 else 3 if code < 0x10000 else 4
