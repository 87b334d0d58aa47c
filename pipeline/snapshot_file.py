"""One snapshot of one document on storage: its last file, which names all others and their hashes.

It lies in snapshots/SHARD/ as INDEX-TOKENS-ATTEMPT.json, beside

INDEX-TOKENS-ATTEMPT.safetensors        state, tokenizer, tokens that wait, accumulator
INDEX-TOKENS-ATTEMPT-TABLE.parquet      rows that were let out from TOKENS on to the next snapshot
"""

import json
import re
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from longriver.pipeline.document import Document
from longriver.pipeline.order import longriver_version
from longriver.pipeline.receipt import FileEntry

FOLDER = "snapshots"
NAME = re.compile(r"([0-9]{6,})-([0-9]{12,})-[0-9a-f]{8}\.json")
OTHERS = re.compile(r"[0-9]{6,}-[0-9]{12,}-[0-9a-f]{8}(\.safetensors|-[A-Za-z0-9_]+\.parquet)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFile:
    """What a snapshot consists of.

    index:      of the document, among the shard's documents and dead letters.
    document:   its id, source and row.
    num_tokens: tokens of the document that had been read.
    arrays:     path, relative to the run folder, of what the engine and the job remember.
    sha256:     its hash.
    rows:       all files of rows since the document's beginning, in order.
    longriver_version: another release may remember in another way, and begins anew.
    """

    shard: str
    index: int
    document: tuple[str, str, int]
    num_tokens: int
    arrays: str
    sha256: str
    rows: tuple[FileEntry, ...]
    longriver_version: str

    def to_json(self) -> bytes:
        body = json.dumps(asdict(self), allow_nan=False)
        record = {"sha256": sha256(body.encode()).hexdigest(), "snapshot": body}
        return json.dumps(record).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "SnapshotFile":
        """Raises ValueError when the data are no whole record of this release."""
        try:
            record = json.loads(data)
            body: str = record["snapshot"]
            if sha256(body.encode()).hexdigest() != record["sha256"]:
                raise ValueError("its hash is another")
            return cls._from(json.loads(body))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    @classmethod
    def _from(cls, record: dict[str, Any]) -> "SnapshotFile":
        document_id, source, source_row = record.pop("document")
        rows = tuple(FileEntry(**entry) for entry in record.pop("rows"))
        found = cls(document=(document_id, source, source_row), rows=rows, **record)
        if found.longriver_version != longriver_version():
            raise ValueError(f"it is of longriver {found.longriver_version}")
        for path in (found.arrays, *(entry.path for entry in found.rows)):
            place, _, name = path.rpartition("/")
            if place != f"{FOLDER}/{found.shard}" or not OTHERS.fullmatch(name):
                raise ValueError(f"it names {path!r}")
        return found


def identity(document: Document) -> tuple[str, str, int]:
    return document.document_id, document.source, document.source_row


def stem(shard: str, index: int, num_tokens: int, attempt: str) -> str:
    """What the names of a snapshot's files begin with, relative to the run folder."""
    return f"{FOLDER}/{shard}/{index:06d}-{num_tokens:012d}-{attempt[:8]}"
