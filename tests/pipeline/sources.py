"""The same few documents in every format, type and compression."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import zstandard

from longriver.pipeline.document import CHUNK_BYTES
from tests.pipeline.reading import read_path, words

TEXTS = [
    b"first",
    b"",
    b"caf\xc3\xa9 \xe2\x82\xac",
    b"bad \xff\xfe utf-8",
    words(1, CHUNK_BYTES + 7),
]
IDS = ["a", "ß", "日本", "d/4", "e:5"]

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}

TYPES = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "string_view": pa.string_view(),
    "binary_view": pa.binary_view(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
}


def text_column(values: list[bytes | None], kind: pa.DataType) -> pa.Array:
    """An array of any text type whose bytes need not be UTF-8."""
    plain = pa.array(values, pa.binary()).view(pa.string())
    if pa.types.is_dictionary(kind):
        return plain.dictionary_encode()
    if pa.types.is_string_view(kind):
        return pa.array(values, pa.binary_view()).view(pa.string_view())
    if pa.types.is_large_string(kind):
        return pa.array(values, pa.large_binary()).view(pa.large_string())
    return plain if pa.types.is_string(kind) else pa.array(values, kind)


def table(kind: pa.DataType = TYPES["string"]) -> pa.Table:
    return pa.table(
        {"id": IDS, "text": text_column([*TEXTS], kind), "lang": ["x", None, "y", "", "z"]}
    )


def write_ipc(
    path: Path, data: pa.Table, batch_rows: int, *, stream: bool, codec: str | None
) -> None:
    make = ipc.new_stream if stream else ipc.new_file
    with make(path, data.schema, options=ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(data, max_chunksize=batch_rows)


def csv_bytes(rows: list[dict[str, bytes]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        [{k: v.decode("utf-8", "surrogateescape") for k, v in r.items()} for r in rows]
    )
    return out.getvalue().encode("utf-8", "surrogateescape")


def jsonl_bytes(rows: list[dict[str, bytes]]) -> bytes:
    lines = [{k: v.decode("utf-8", "surrogateescape") for k, v in row.items()} for row in rows]
    return b"".join(
        json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"
        for line in lines
    )


ROWS = [{"id": id.encode(), "text": text} for id, text in zip(IDS, TEXTS, strict=True)]


def documents(path: object, **keys: object) -> list[tuple[str, bytes]]:
    texts, dead = read_path(path, **keys)
    assert dead == []
    return [(text.document_id, text.text) for text in texts]
