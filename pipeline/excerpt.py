"""Passages of a run's input, read again: of few documents, and of each only so much."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
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

    @property
    def end(self) -> int:
        return self.start + self.num_bytes


TOO_FAR = NoText("it lies too far in: a report goes through so much input and no more")

TextOf = Callable[[Document], Iterator[bytes | memoryview]]


class Excerpts:
    """Reads passages of the input that was planned, until so many bytes have been gone through.

    Args:
        text_of: what of a document passages are of.
    """

    def __init__(
        self,
        plan: Plan,
        data: DataConfig,
        max_bytes: int = MAX_READ_BYTES,
        text_of: TextOf = attrgetter("chunks"),
    ) -> None:
        self.data, self.max_bytes, self.text_of = data, max_bytes, text_of
        self._pieces: dict[str, list[Piece]] = {}
        for shard in plan.shards:
            for piece in shard.pieces:
                self._pieces.setdefault(piece.source, []).append(piece)

    def read(self, passages: Iterable[Passage]) -> Mapping[Passage, bytes | NoText]:
        """Each passage, or why it cannot be had; no piece of a file is gone through twice."""
        found: dict[Passage, bytes | NoText] = {}
        by_piece: dict[Piece, list[Passage]] = {}
        for passage in passages:
            piece = self._piece_of(passage)
            if piece is None:
                found[passage] = NoText("the plan does not know its file")
            else:
                by_piece.setdefault(piece, []).append(passage)
        for piece, some in by_piece.items():
            found |= dict.fromkeys(some, TOO_FAR)
            found |= self._of_piece(piece, self._affordable(piece, some))
        return found

    def _piece_of(self, passage: Passage) -> Piece | None:
        pieces = self._pieces.get(passage.source, [])
        before = [piece for piece in pieces if piece.row_start <= passage.source_row]
        return max(before, key=lambda piece: piece.row_start, default=None)

    def _affordable(self, piece: Piece, passages: Iterable[Passage]) -> list[Passage]:
        """What lies before a passage has to be gone through, in tables the whole piece."""
        least = 0 if piece.format == "text" else piece.num_bytes
        able = [each for each in passages if max(each.end, least) <= self.max_bytes]
        if able:
            self.max_bytes -= max(least, *(each.end for each in able))
        return able

    def _of_piece(self, piece: Piece, passages: Sequence[Passage]) -> dict[Passage, bytes | NoText]:
        found: dict[Passage, bytes | NoText] = {}
        by_row: dict[int, list[Passage]] = {}
        for passage in passages:
            by_row.setdefault(passage.source_row, []).append(passage)
        gone: NoText = NoText("the input no longer has it")
        try:
            for document in self._documents(piece, set(by_row)):
                found |= _cut(self.text_of(document), by_row[document.source_row])
        except Exception as error:  # every store has errors of its own, from credentials to DNS
            gone = NoText(f"the input cannot be read: {one_line(error)}")
        return dict.fromkeys(passages, gone) | found

    def _documents(self, piece: Piece, rows: set[int]) -> Iterator[Document]:
        """The documents that begin at these rows; none behind the last is looked for."""
        last = max(rows, default=-1)
        documents = read_documents(Shard(0, (piece,)), self.data)
        assert isinstance(documents, Generator)
        with contextlib.closing(documents):
            for found in documents:
                if not isinstance(found, Document):
                    continue
                if found.source_row in rows:
                    yield found
                if found.source_row >= last:
                    return
                if self.data.part_column is not None:
                    drain(found)


def _cut(
    chunks: Iterator[bytes | memoryview], passages: Sequence[Passage]
) -> dict[Passage, bytes | NoText]:
    """Passages of one document."""
    parts: dict[Passage, list[bytes]] = {passage: [] for passage in passages}
    at, end = 0, max(passage.end for passage in passages)
    try:
        for chunk in chunks:
            for each, some in parts.items():
                some.append(bytes(chunk[max(each.start - at, 0) : max(each.end - at, 0)]))
            at += len(chunk)
            if at >= end:
                break
    except DocumentError as error:
        return dict.fromkeys(passages, NoText(f"{error.reason}: {error.detail}"))
    return {passage: b"".join(some) for passage, some in parts.items()}
