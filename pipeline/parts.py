"""Documents that span several rows, their rows pulled only as their text is read."""

from collections.abc import Iterator

from longriver.engine.errors import DocumentError
from longriver.pipeline.document import CHUNK_BYTES, DeadLetter, Document
from longriver.pipeline.formats.row import Row, continues

Found = Row | DeadLetter


def slices(text: bytes | memoryview) -> Iterator[memoryview]:
    """Yields views of at most ``CHUNK_BYTES``; the text is not copied."""
    view = memoryview(text)
    return (view[start : start + CHUNK_BYTES] for start in range(0, len(view), CHUNK_BYTES))


def join_parts(rows: Iterator[Found], source: str) -> Iterator[Document | DeadLetter | None]:
    """Joins consecutive rows of one id; yields None while the last document is not used up.

    A document beside rows that cannot be read may be missing some of its own, so it is dead
    too (``incomplete``): no document is ever half done.
    """
    ahead = _Lookahead(rows)
    torn = False
    while (found := ahead.next) is not None:
        if isinstance(found, DeadLetter):
            ahead.advance()
            yield found
        else:
            parts = _Parts(ahead, found, source, torn)
            yield parts.document
            while not parts.finished:
                yield None
        torn = isinstance(found, DeadLetter)


class _Lookahead:
    """An iterator that shows its next item before it is taken."""

    def __init__(self, rows: Iterator[Found]) -> None:
        self._rows = rows
        self.next = next(rows, None)

    def advance(self) -> None:
        self.next = next(self._rows, None)


class _Parts:
    """One open document: its ``chunks`` take rows as they go, and count them."""

    def __init__(self, ahead: _Lookahead, first: Row, source: str, torn: bool) -> None:
        self._ahead = ahead
        self._first = first
        self._torn = torn and first.document_id is not None
        self.finished = False
        self.document = Document(
            document_id=first.document_id or first.position,
            source=source,
            source_row=first.row,
            groups=first.groups,
            chunks=self._chunks(),
        )

    def _chunks(self) -> Iterator[memoryview]:
        self._ahead.advance()
        try:
            yield from self._texts()
        finally:
            while self._take() is not None:
                pass
            self.finished = True

    def _texts(self) -> Iterator[memoryview]:
        if self._torn:
            raise DocumentError("incomplete", "rows before this document cannot be read")
        row: Row | None = self._first
        part = self._first.part
        while row is not None:
            if isinstance(row.text, DocumentError):
                raise row.text
            yield from slices(row.text)
            row = self._take()
            if row is not None:
                part = self._risen(part, row)
        if isinstance(self._ahead.next, DeadLetter) and self._first.document_id is not None:
            raise DocumentError("incomplete", "rows behind this document cannot be read")

    def _take(self) -> Row | None:
        """Takes the next row if it is of this document."""
        row = self._ahead.next
        if not isinstance(row, Row) or not continues(row, self._first):
            return None
        self._ahead.advance()
        self.document.num_rows += 1
        return row

    def _risen(self, before: int | None, row: Row) -> int:
        if before is None or row.part is None or row.part <= before:
            raise DocumentError(
                "part_order", f"row {row.row} has part {row.part} behind part {before}"
            )
        return row.part
