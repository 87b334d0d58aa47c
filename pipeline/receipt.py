"""The receipt of a shard: its files, counts and sums; in the ledger, it commits the shard."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A result file; ``path`` is relative to the run folder."""

    table: str
    path: str
    num_rows: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What went into a shard and what came out; ``num_rows_in = num_rows_out + num_dead``.

    num_rows_in:   source rows read (a stretch that cannot be read counts as its dead letter says).
    num_documents: rows of the first table, one a document; a document may span source rows.
    num_rows_out:  source rows of those documents.
    num_dead:      source rows of the dead letters.
    num_tokens:    of those documents; what is read behind them, or again, does not count.
    """

    num_rows_in: int = 0
    num_documents: int = 0
    num_rows_out: int = 0
    num_dead: int = 0
    num_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one attempt at a shard shelved.

    attempt:     names the attempt, unlike any other's; file names carry its first eight characters.
    sums:        of the first table's rows, added in document order.
    finished_at: when, by the worker's clock, ISO 8601 in UTC.
    """

    shard: str
    attempt: str
    files: tuple[FileEntry, ...]
    counts: Counts
    sums: Mapping[str, float]
    worker: str
    seconds: float
    finished_at: str

    def to_json(self) -> bytes:
        """JSON whose numbers are Python's ``repr``, so that floats come back to the bit."""
        assert all(math.isfinite(value) for value in self.sums.values()), self.sums
        return json.dumps(asdict(self), indent=1, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Receipt":
        """Raises ValueError when the data are no whole receipt."""
        try:
            record = json.loads(data)
            files = tuple(FileEntry(**entry) for entry in record.pop("files"))
            return cls(files=files, counts=Counts(**record.pop("counts")), **record)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def files_of(self, table: str) -> tuple[FileEntry, ...]:
        return tuple(entry for entry in self.files if entry.table == table)
