"""Passages of a run's input, read again: of few documents, and of each only so much."""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import Found, read_documents
from longriver.pipeline.document import Document
from longriver.pipeline.one_line import one_line
from longriver.pipeline.opened import drain
from longriver.pipeline.plan import Plan
from longriver.pipeline.shard import Piece, Shard

MAX_READ_BYTES = 256 << 20
"""Of input, for all passages of one reading together."""


class NoText(Exception):
    """A passage cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Bytes of one document.

    source, source_row: which, as in the results.
    start: the first byte.
    num_bytes: how many; fewer are found where the document ends before.
    """

    source: str
    source_row: int
    start: int
    num_bytes: int


class Excerpts:
    """Reads passages of the input that was planned, until so many bytes have been gone through."""

    def __init__(self, plan: Plan, data: DataConfig, max_bytes: int = MAX_READ_BYTES) -> None:
        self.data, self.max_bytes = data, max_bytes
        self._pieces: dict[str, list[Piece]] = {}
        for shard in plan.shards:
            for piece in shard.pieces:
                self._pieces.setdefault(piece.source, []).append(piece)

    def read(self, passage: Passage) -> bytes:
        """The passage.

        Raises:
            NoText: the input is gone, has changed, cannot be read or lies too far in.
        """
        piece = self._piece_of(passage)
        self._pay(piece, passage)
        try:
            return self._read(piece, passage)
        except NoText:
            raise
        except Exception as error:  # every store has errors of its own, from credentials to DNS
            raise NoText(f"the input cannot be read: {one_line(error)}") from error

    def _piece_of(self, passage: Passage) -> Piece:
        pieces = self._pieces.get(passage.source, [])
        before = [piece for piece in pieces if piece.row_start <= passage.source_row]
        if not before:
            raise NoText("the plan does not know its file")
        return max(before, key=lambda piece: piece.row_start)

    def _pay(self, piece: Piece, passage: Passage) -> None:
        """What lies before the passage has to be gone through."""
        end = passage.start + passage.num_bytes
        cost = end if piece.format == "text" else max(piece.num_bytes, end)
        if cost > self.max_bytes:
            raise NoText("it lies too far in: a report goes through so much input and no more")
        self.max_bytes -= cost

    def _read(self, piece: Piece, passage: Passage) -> bytes:
        documents = read_documents(Shard(0, (piece,)), self.data)
        assert isinstance(documents, Generator)
        with contextlib.closing(documents):
            document = self._find(documents, passage.source_row)
            return _cut(document.chunks, passage.start, passage.num_bytes)

    def _find(self, documents: Iterator[Found], row: int) -> Document:
        for found in documents:
            if isinstance(found, Document) and found.source_row == row:
                return found
            if isinstance(found, Document) and self.data.part_column is not None:
                drain(found)
        raise NoText("the input no longer has it")


def _cut(chunks: Iterator[bytes | memoryview], start: int, num_bytes: int) -> bytes:
    parts: list[bytes] = []
    at, end = 0, start + num_bytes
    try:
        for chunk in chunks:
            parts.append(bytes(chunk[max(start - at, 0) : max(end - at, 0)]))
            at += len(chunk)
            if at >= end:
                break
    except DocumentError as error:
        raise NoText(f"{error.reason}: {error.detail}") from error
    return b"".join(parts)
