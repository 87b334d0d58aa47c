"""UTF-8 in pieces: characters put together again, U+FFFD where the bytes are none."""

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, of_bytes, whole
from longriver.engine.tokenizer.base import Buffer
from longriver.engine.tokenizer.text import Text

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

REPLACEMENT = (0xEF, 0xBF, 0xBD)


class Utf8Stream:
    """What ``bytes.decode(errors="replace")`` makes of a document, whatever its cuts.

    Each maximal part of a character that cannot be completed, and each other wrong byte, becomes
    one U+FFFD, as the Unicode standard recommends (3.9, "U+FFFD Substitution").
    """

    def __init__(self) -> None:
        self._carry = b""
        self._position = 0

    def feed(self, chunk: Buffer) -> Text:
        """The characters that are complete; at most three bytes wait."""
        return self._repair(self._carry + memoryview(chunk).cast("B"), is_end=False)

    def finish(self) -> Text:
        return self._repair(self._carry, is_end=True)

    def save(self) -> Arrays:
        return {"carry": of_bytes(self._carry), "position": whole(self._position)}

    def restore(self, saved: Arrays) -> None:
        self._carry, [self._position] = saved["carry"].tobytes(), saved["position"].tolist()

    def _repair(self, data: bytes, *, is_end: bool) -> Text:
        room = len(data) if data.isascii() else len(REPLACEMENT) * len(data)
        out, ends = np.empty(room, np.uint8), np.empty(room, np.int64)
        used, size = _repair(np.frombuffer(data, np.uint8), self._position, is_end, out, ends)
        self._carry, self._position = data[used:], self._position + used
        return Text(out[:size].tobytes(), ends[:size].copy())


@numba.njit(cache=True, nogil=True)
def _repair(data: Bytes, position: int, is_end: bool, out: Bytes, ends: Longs) -> tuple[int, int]:
    """Returns how many bytes were read and how many were written."""
    at, size = 0, 0
    while at < len(data):
        if data[at] < 0x80:
            out[size], ends[size] = data[at], position + at + 1
            at, size = at + 1, size + 1
            continue
        width, count = _character(data, at)
        if count < width and at + count == len(data) and not is_end:
            break
        is_whole = count == width
        for index in range(width if is_whole else len(REPLACEMENT)):
            out[size] = data[at + index] if is_whole else REPLACEMENT[index]
            ends[size] = position + at + min(index + 1, count)
            size += 1
        at += count
    return at, size


@numba.njit(cache=True, nogil=True)
def _character(data: Bytes, at: int) -> tuple[int, int]:
    """How many bytes the character (no ASCII) asks for, and how many of them are right."""
    lead, low, high = data[at], 0x80, 0xBF
    if lead < 0xC2 or lead > 0xF4:
        return 2, 1  # cannot be completed: no second byte is looked at
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead == 0xE0:
        low = 0xA0
    elif lead == 0xED:
        high = 0x9F
    elif lead == 0xF0:
        low = 0x90
    elif lead == 0xF4:
        high = 0x8F
    count = 1
    while count < width and at + count < len(data) and low <= data[at + count] <= high:
        count, low, high = count + 1, 0x80, 0xBF
    return width, count
