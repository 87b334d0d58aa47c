"""What CSV and JSON lines share: records in blocks of bytes, cut into pieces at line ends."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from longriver.pipeline.compression import ByteReader, split_compression
from longriver.pipeline.damage import Damaged
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.boundaries import (
    BLANK,
    MAX_RECORD_BYTES,
    Cut,
    Line,
    LongLine,
    RecordEnds,
    cut_records,
    split_lines,
    split_records,
)
from longriver.pipeline.formats.row import Row, continues
from longriver.pipeline.opening import open_bytes, open_decompressed
from longriver.pipeline.shard import Piece
from longriver.pipeline.storage_options import StorageOptions

BLOCK_BYTES = 4 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

COMPRESSED_RATIO = 3
"""Text bytes expected for a compressed byte, where only reading would tell."""

WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, and of UTF-32 as well."""

ReadRow = Callable[[Line, int], Row | DeadLetter]
"""Takes a record and its row number apart."""


def is_whole(name: str) -> bool:
    """Says whether a file is one piece because its inside has no addresses."""
    return split_compression(name)[1] is not None


def mark_bytes(source: str, options: StorageOptions) -> int:
    """Returns the length of the byte order mark that the file begins with, or 0."""
    with contextlib.closing(open_decompressed(source, options)) as stream:
        head = b"".join(_blocks(stream, len(BYTE_ORDER_MARK)))
    return len(BYTE_ORDER_MARK) if head == BYTE_ORDER_MARK else 0


def first_lines(
    source: str,
    record_ends: RecordEnds,
    options: StorageOptions,
    max_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[Line]:
    """Yields the lines from the file's beginning, without a byte order mark.

    Raises:
        Damaged: the mark is that of another encoding than UTF-8.
    """
    with contextlib.closing(open_decompressed(source, options)) as stream:
        yield from split_lines(_unmarked(_blocks(stream, None)), record_ends, max_bytes)


def piece_records(piece: Piece, record_ends: RecordEnds, options: StorageOptions) -> Iterator[Line]:
    """Yields the records of a piece; those of a whole file without a byte order mark."""
    if is_whole(piece.name):
        lines = first_lines(piece.source, record_ends, options)
        yield from (line for line in lines if line not in BLANK)
        return
    with contextlib.closing(_open_at(piece.source, options, piece.start)) as stream:
        yield from split_records(_blocks(stream, piece.end - piece.start), record_ends)


def whole_piece(file: SourceFile, format: str) -> Piece:
    """A compressed file as one piece, its rows unknown."""
    size = file.num_bytes * COMPRESSED_RATIO
    return Piece(file.source, file.name, format, 0, 1, 0, None, size)


def cut_lines(
    file: SourceFile, begin: int, record_ends: RecordEnds, max_bytes: int, max_rows: int
) -> list[Cut]:
    """Cuts the bytes of a file from ``begin`` on; see ``cut_records``."""
    with contextlib.closing(_open_at(file.source, file.options, begin)) as stream:
        blocks = _blocks(stream, None)
        return cut_records(blocks, record_ends, begin, max_bytes, max_rows)


def cut_documents(
    cuts: list[Cut], file: SourceFile, record_ends: RecordEnds, read_row: ReadRow
) -> list[Cut]:
    """Moves every cut on to the end of the document that it falls into."""
    moved = cuts[:1]
    for cut in cuts[1:-1]:
        if cut.offset > moved[-1].offset:
            opened = _open_at(file.source, file.options, cut.offset)
            with contextlib.closing(opened) as stream:
                lines = split_lines(_blocks(stream, cuts[-1].offset - cut.offset), record_ends)
                moved.append(_next_document(cut, lines, read_row))
    return moved if moved[-1] == cuts[-1] else [*moved, cuts[-1]]


def pieces_between(cuts: list[Cut], file: SourceFile, format: str) -> list[Piece]:
    """Returns one piece for each pair of neighbouring cuts with rows between them."""
    return [
        Piece(
            source=file.source,
            name=file.name,
            format=format,
            start=cut.offset,
            end=behind.offset,
            row_start=cut.row,
            num_rows=behind.row - cut.row,
            num_bytes=behind.offset - cut.offset,
        )
        for cut, behind in itertools.pairwise(cuts)
        if behind.row > cut.row
    ]


def too_long(line: LongLine) -> str:
    """Says why a line was not read."""
    return (
        f"a record of {line.num_bytes} bytes, at most {MAX_RECORD_BYTES} are read; is a quote "
        "never closed? Longer texts can be text files, or rows with data.part_column"
    )


def _next_document(cut: Cut, lines: Iterable[Line], read_row: ReadRow) -> Cut:
    """Finds the first row whose id differs from the row before; both must be readable."""
    offset, row, before = cut.offset, cut.row, None
    for line in lines:
        if line not in BLANK:
            found = read_row(line, row)
            if isinstance(found, Row) and before is not None and not continues(found, before):
                break
            before = found if isinstance(found, Row) else None
            row += 1
        offset += len(line)
    return Cut(offset, row)


def _open_at(source: str, options: StorageOptions, offset: int) -> BinaryIO:
    stream = open_bytes(source, options)
    stream.seek(offset)
    return stream


def _blocks(stream: ByteReader, left: int | None) -> Iterator[bytes]:
    """Reads a stream to its end, or ``left`` bytes of it."""
    while block := stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
        left = None if left is None else left - len(block)
        yield block


def _unmarked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Drops a byte order mark; a first read may be as short as one byte."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(BYTE_ORDER_MARK):
            break
    if head.startswith(WIDE_MARKS):
        raise Damaged("it begins with a mark of UTF-16 or UTF-32; save it as UTF-8")
    yield head.removeprefix(BYTE_ORDER_MARK)
    yield from blocks
