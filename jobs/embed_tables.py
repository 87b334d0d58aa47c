"""The embed job's tables and the rows of them."""

from longriver.engine.embedding.form import Vector
from longriver.engine.text_counts import TextCounts
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.segmenter import Segment
from longriver.pipeline.document import Document
from longriver.pipeline.table import Column, Row, Table

EMBED, SEGMENTS = "embed", "embed_segments"


def tables(
    config: EmbedConfig, group_columns: tuple[str, ...], vector_type: str
) -> tuple[Table, ...]:
    """The table of documents, and that of segments where they have vectors."""
    vector = (Column("vector", vector_type),)
    documents = Table(
        EMBED,
        (
            Column("document_id", "string"),
            Column("source", "string"),
            Column("source_row", "int64"),
            Column("num_bytes", "int64"),
            Column("num_tokens", "int64"),
            Column("pooling", "string"),
            Column("layer", "int32"),
            *(Column(name, "string") for name in group_columns),
            Column("status", "string"),
            *(vector * (config.vectors != "segments")),
        ),
    )
    segments = Table(
        SEGMENTS,
        (
            Column("document_id", "string"),
            Column("source", "string"),
            Column("segment_index", "int64"),
            Column("token_start", "int64"),
            Column("num_tokens", "int64"),
            Column("byte_start", "int64"),
            Column("num_bytes", "int64"),
            Column("char_start", "int64"),
            Column("num_chars", "int64"),
            *((Column("text", "string"),) * config.segment_text),
            *vector,
        ),
    )
    return (documents,) if config.vectors == "documents" else (documents, segments)


def document_row(
    config: EmbedConfig,
    group_columns: tuple[str, ...],
    document: Document,
    counts: TextCounts,
    num_tokens: int,
    vector: Vector,
) -> Row:
    row: Row = {
        "document_id": document.document_id,
        "source": document.source,
        "source_row": document.source_row,
        "num_bytes": counts.num_bytes,
        "num_tokens": num_tokens,
        "pooling": config.pooling,
        "layer": config.layer,
        "status": "ok" if num_tokens else "empty",
        **dict(zip(group_columns, document.groups, strict=True)),
    }
    return row if config.vectors == "segments" else row | {"vector": vector}


def segment_row(config: EmbedConfig, document: Document, segment: Segment, vector: Vector) -> Row:
    row: Row = {
        "document_id": document.document_id,
        "source": document.source,
        "segment_index": segment.index,
        "token_start": segment.token_start,
        "num_tokens": segment.num_tokens,
        "byte_start": segment.byte_start,
        "num_bytes": segment.num_bytes,
        "char_start": segment.char_start,
        "num_chars": segment.num_chars,
        "vector": vector,
    }
    return row | {"text": segment.text} if config.segment_text else row
