"""Reads an input to its end, as a worker would, and keeps everything that came out."""

from dataclasses import dataclass

import numpy as np

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import CHUNK_BYTES, DeadLetter, Document
from longriver.pipeline.plan import Plan
from longriver.pipeline.scan import plan_sources
from longriver.pipeline.shard import Piece


@dataclass(frozen=True)
class Text:
    """A document that was read whole."""

    document_id: str
    text: bytes
    source_row: int
    num_rows: int
    groups: tuple[str | None, ...]


def read_plan(plan: Plan, data: DataConfig) -> tuple[list[Text], list[DeadLetter]]:
    """Reads every shard; a document that fails becomes a dead letter of its rows."""
    texts: list[Text] = []
    dead: list[DeadLetter] = []
    for shard in plan.shards:
        for found in read_documents(shard, data):
            assert found is not None
            if isinstance(found, DeadLetter):
                dead.append(found)
            else:
                done = read_document(found)
                (texts.append(done) if isinstance(done, Text) else dead.append(done))
    return texts, dead


def read_document(document: Document) -> Text | DeadLetter:
    """Uses up one document."""
    try:
        chunks = [bytes(chunk) for chunk in document.chunks]
    except DocumentError as error:
        return DeadLetter(
            document.document_id,
            document.source,
            document.source_row,
            document.num_rows,
            error.reason,
            error.detail,
        )
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    return Text(
        document.document_id,
        b"".join(chunks),
        document.source_row,
        document.num_rows,
        document.groups,
    )


def read_path(path: object, **keys: object) -> tuple[list[Text], list[DeadLetter]]:
    """Plans and reads ``path``, checking that no planned row is lost or doubled."""
    data = DataConfig.model_validate({"path": str(path), **keys})
    plan = plan_sources(data)
    texts, dead = read_plan(plan, data)
    if all(piece.num_rows is not None or piece.problem for piece in pieces_of(plan)):
        assert count_rows(texts, dead) == sum(piece.num_rows or 1 for piece in pieces_of(plan))
    return texts, dead


def pieces_of(plan: Plan) -> list[Piece]:
    return [piece for shard in plan.shards for piece in shard.pieces]


def count_rows(texts: list[Text], dead: list[DeadLetter]) -> int:
    return sum(text.num_rows for text in texts) + sum(letter.num_rows for letter in dead)


def words(seed: int, num_bytes: int) -> bytes:
    """Bytes that do not compress away, without newlines or quotes."""
    return np.random.default_rng(seed).integers(97, 123, num_bytes, np.uint8).tobytes()
