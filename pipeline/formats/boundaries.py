"""Where records end in a block of bytes, for formats of one record a line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

RecordEnds = Callable[[Bytes, int], tuple[Offsets, int]]
"""Takes a block and the state behind the one before (0 at first); returns the offsets just behind
each record's newline, and the state behind this block."""

BLANK = (b"\n", b"\r\n", b"\r")
"""Lines that are no records."""

MAX_RECORD_BYTES = 512 << 20
"""A record is held whole, some times over; a longer one is not read."""

NEWLINE, RETURN, QUOTE, COMMA = b'\n\r",'
FIELD_START, PLAIN, QUOTED, QUOTE_IN_QUOTED = range(4)


def line_ends(block: Bytes, state: int) -> tuple[Offsets, int]:
    """``RecordEnds`` of JSON lines: every newline ends a record."""
    return np.flatnonzero(block == NEWLINE).astype(np.int64) + 1, state


def csv_ends(block: Bytes, state: int) -> tuple[Offsets, int]:
    """``RecordEnds`` of CSV: newlines outside quotes, as Python's ``csv`` understands quotes.

    A quote opens only at the start of a field, so a stray one costs its row and not the file.
    """
    ends: Offsets = np.empty(np.count_nonzero(block == NEWLINE), np.int64)
    num_ends, state = _csv_ends(block, state, ends)
    return ends[:num_ends], state


@numba.njit(cache=True, nogil=True)
def _csv_ends(block: Bytes, state: int, ends: Offsets) -> tuple[int, int]:
    num_ends = 0
    for i in range(len(block)):
        byte = block[i]
        if state == QUOTED:
            if byte == QUOTE:
                state = QUOTE_IN_QUOTED
        elif byte == NEWLINE:
            ends[num_ends] = i + 1
            num_ends += 1
            state = FIELD_START
        elif byte == COMMA:
            state = FIELD_START
        elif byte == QUOTE and state != PLAIN:
            state = QUOTED
        else:
            state = PLAIN
    return num_ends, state


@dataclass(frozen=True, slots=True)
class LongLine:
    """A record that is too long to be held, such as all that is behind a quote never closed."""

    num_bytes: int

    def __len__(self) -> int:
        return self.num_bytes


Line = bytes | LongLine


def split_lines(
    blocks: Iterable[bytes], record_ends: RecordEnds, max_bytes: int = MAX_RECORD_BYTES
) -> Iterator[Line]:
    """Yields every record and blank line with its line ending; together they are the stream.

    One record of at most ``max_bytes`` is in memory at a time beside the block, however long the
    stream is.
    """
    state = num_bytes = 0
    pending: list[bytes] = []
    for block in blocks:
        ends, state = record_ends(np.frombuffer(block, np.uint8), state)
        start = 0
        for end in ends.tolist():
            num_bytes += end - start
            record = (*pending, block[start:end])
            yield b"".join(record) if num_bytes <= max_bytes else LongLine(num_bytes)
            pending, num_bytes, start = [], 0, end
        num_bytes += len(block) - start
        pending.append(block[start:])
        if num_bytes > max_bytes:
            pending = []
    if num_bytes:
        yield b"".join(pending) if num_bytes <= max_bytes else LongLine(num_bytes)


def split_records(blocks: Iterable[bytes], record_ends: RecordEnds) -> Iterator[Line]:
    """Yields every record with its line ending, leaving out blank lines."""
    return (line for line in split_lines(blocks, record_ends) if line not in BLANK)


@dataclass(frozen=True, slots=True)
class Cut:
    """A place between two records: bytes and rows that lie before it."""

    offset: int
    row: int


def cut_records(
    blocks: Iterable[bytes], record_ends: RecordEnds, begin: int, max_bytes: int, max_rows: int
) -> list[Cut]:
    """Returns cuts from ``begin`` (row 0) to the end of the stream, both included.

    Two neighbours are about ``max_bytes`` or at most ``max_rows`` apart, whichever comes first.
    """
    cuts = [Cut(begin, 0)]
    state, offset, row, record_start, before = 0, begin, 0, begin, 0
    for block in blocks:
        data = np.frombuffer(block, np.uint8)
        ends, state = record_ends(data, state)
        rows = row + np.cumsum(~_blank(data, ends, offset - record_start, before))
        ends += offset
        _add_cuts(cuts, ends, rows, max_bytes, max_rows)
        if len(ends):
            record_start, row = int(ends[-1]), int(rows[-1])
        offset, before = offset + len(block), block[-1]
    unfinished = offset - record_start
    row += unfinished > 1 or (unfinished == 1 and before != RETURN)
    return cuts if cuts[-1].offset == offset else [*cuts, Cut(offset, row)]


def _blank(block: Bytes, ends: Offsets, pending: int, before: int) -> npt.NDArray[np.bool_]:
    """Which records are blank lines, ``pending`` bytes of the first lying before the block."""
    lengths = np.diff(ends, prepend=-pending)
    previous = block[ends - 2]
    if len(ends) and ends[0] == 1:
        previous[0] = before
    blank: npt.NDArray[np.bool_] = (lengths == 1) | ((lengths == 2) & (previous == RETURN))
    return blank


def _add_cuts(cuts: list[Cut], ends: Offsets, rows: Offsets, max_bytes: int, max_rows: int) -> None:
    while True:
        by_bytes = np.searchsorted(ends, cuts[-1].offset + max_bytes)
        by_rows = np.searchsorted(rows, cuts[-1].row + max_rows)
        chosen = min(by_bytes, by_rows)
        if chosen >= len(ends):
            return
        cuts.append(Cut(int(ends[chosen]), int(rows[chosen])))
