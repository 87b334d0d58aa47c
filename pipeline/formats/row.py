"""What every tabular format is read into: rows, and letters about rows that cannot be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from longriver.engine.errors import DocumentError
from longriver.pipeline.damage import is_damage, reason_of
from longriver.pipeline.document import DeadLetter, Field, Spans
from longriver.pipeline.one_line import one_line
from longriver.pipeline.shard import Piece


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source file, its cells no longer of any format.

    row:         number within the file, from 0.
    position:    position id, such as ``file:row``.
    document_id: the id column's value; None where null or where there is no id column.
    part:        the part column's value; None where it is not a whole number.
    groups:      values of the group columns.
    text:        the text column's bytes, or why there are none.
    spans:       of the text, from the spans column.
    fields:      cells that a job named.
    """

    row: int
    position: str
    document_id: str | None
    part: int | None
    groups: tuple[str | None, ...]
    text: bytes | memoryview | DocumentError
    spans: Spans = ()
    fields: Mapping[str, Field] = field(default_factory=dict)


def continues(row: Row, before: Row) -> bool:
    """Says whether both are of one document where documents have parts."""
    return row.document_id is not None and row.document_id == before.document_id


def unreadable_row(piece: Piece, row: int, reason: str, detail: str) -> DeadLetter:
    """One row that cannot be taken apart."""
    return DeadLetter(f"{piece.name}:{row}", piece.source, row, 1, reason, detail)


def salvage(
    rows: Iterable[Row | DeadLetter], piece: Piece, first_row: int, num_rows: int | None
) -> Iterator[Row | DeadLetter]:
    """Passes on ``num_rows`` rows, and one letter for all that damage keeps from being read.

    Args:
        num_rows: rows that were planned; None where only reading tells.
    """
    seen, reason = 0, "corrupt_rows"
    detail = "fewer rows than planned; was the file changed?"
    try:
        for row in rows:
            if seen == num_rows:
                break
            seen += row.num_rows if isinstance(row, DeadLetter) else 1
            yield row
        else:
            num_rows = num_rows or seen
    except Exception as error:
        if not is_damage(error):
            raise
        detail, reason = one_line(error), reason_of(error, reason)
        num_rows = seen + 1 if num_rows is None else num_rows
    lost = (num_rows or 0) - seen
    if lost > 0:
        yield DeadLetter(None, piece.source, first_row + seen, lost, reason, detail)
