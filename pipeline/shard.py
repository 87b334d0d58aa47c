"""The unit of dispatch, retry and commit: a shard, made of pieces of source files."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of whole documents in one source file.

    source:     path or URL of the file.
    name:       the file's path relative to ``data.path``; position ids begin with it.
    format:     parquet, arrow, csv, jsonl or text.
    start, end: where it lies, end excluded. Row groups (parquet), record batches (arrow), bytes of
                the file (csv, jsonl uncompressed), or 0 and 1 for a whole file (text, compressed).
                A large row group or batch is cut into row ranges: see ``skip``.
    row_start:  row number within the file of its first row.
    num_rows:   rows in it, or None where only reading tells (compressed csv and jsonl).
    num_bytes:  bytes of text in it, an estimate where the format does not tell.
    problem:    why the file cannot be read, found at planning; None when it can.
    file_bytes, file_version: of the whole file when it was planned, see ``SourceFile``.
    skip:       rows of row group (or batch) ``start`` that belong to the piece before this one.
    """

    source: str
    name: str
    format: str
    start: int
    end: int
    row_start: int
    num_rows: int | None
    num_bytes: int
    problem: str | None = None
    skip: int = 0
    file_bytes: int = 0
    file_version: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    """Pieces that one worker does in one go; ``index`` is its place in the plan."""

    index: int
    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        return f"{self.index:06d}"

    @property
    def num_bytes(self) -> int:
        return sum(piece.num_bytes for piece in self.pieces)

    @property
    def num_rows(self) -> int | None:
        """Source rows, or None where only reading tells."""
        known = [piece.num_rows for piece in self.pieces if piece.num_rows is not None]
        return sum(known) if len(known) == len(self.pieces) else None
