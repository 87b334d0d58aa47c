"""Every format, type and compression gives the same documents."""

from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import CHUNK_BYTES, Document
from longriver.pipeline.scan import plan_sources
from tests.pipeline.reading import read_document, read_path, words
from tests.pipeline.sources import (
    COMPRESS,
    IDS,
    ROWS,
    TEXTS,
    TYPES,
    csv_bytes,
    documents,
    jsonl_bytes,
    table,
    write_ipc,
)


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd"])
def test_parquet_of_every_text_type_and_codec_gives_the_same_bytes(
    tmp_path: Path, kind: pa.DataType, codec: str
) -> None:
    pq.write_table(table(kind), tmp_path / "a.parquet", compression=codec, row_group_size=2)
    assert documents(tmp_path, id_column="id") == list(zip(IDS, TEXTS, strict=True))


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_arrow_of_every_text_type_and_codec_gives_the_same_bytes(
    tmp_path: Path, kind: pa.DataType, stream: bool, codec: str | None
) -> None:
    write_ipc(tmp_path / "a.arrow", table(kind), 2, stream=stream, codec=codec)
    assert documents(tmp_path, id_column="id") == list(zip(IDS, TEXTS, strict=True))


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("name,to_bytes", [("a.csv", csv_bytes), ("a.jsonl", jsonl_bytes)])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_csv_and_json_lines_of_every_compression_give_the_same_bytes(
    tmp_path: Path,
    suffix: str,
    name: str,
    to_bytes: Callable[[list[dict[str, bytes]]], bytes],
    mark: bytes,
) -> None:
    (tmp_path / (name + suffix)).write_bytes(COMPRESS[suffix](mark + to_bytes(ROWS)))
    assert documents(tmp_path, id_column="id") == list(zip(IDS, TEXTS, strict=True))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_text_file_is_one_document_as_it_lies(tmp_path: Path, suffix: str) -> None:
    text = b"\xef\xbb\xbf\xff" + words(2, 3 * CHUNK_BYTES)
    (tmp_path / f"a.txt{suffix}").write_bytes(COMPRESS[suffix](text))
    assert documents(tmp_path) == [(f"a.txt{suffix}", text)]


def test_concatenated_compressed_members_are_read_to_the_end(tmp_path: Path) -> None:
    for suffix, compress in list(COMPRESS.items())[1:]:
        (tmp_path / f"a.txt{suffix}").write_bytes(compress(b"one ") + compress(b"two"))
    assert {text for _, text in documents(tmp_path)} == {b"one two"}


def test_without_an_id_column_ids_are_positions(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet", row_group_size=2)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.csv").write_bytes(csv_bytes(ROWS[:2]))
    ids = [document_id for document_id, _ in documents(tmp_path)]
    parquet = [f"a.parquet:{group}" for group in ("0:0", "0:1", "1:0", "1:1", "2:0")]
    assert ids == [*parquet, "sub/b.csv:0", "sub/b.csv:1"]


def test_a_null_id_falls_back_to_the_position_and_numbers_become_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [7, None], "text": ["a", "b"]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"id": 8, "text": "c"}\n{"id": null, "text": "d"}\n')
    (tmp_path / "c.csv").write_text("id,text\n9,e\n,f\n")
    ids = [document_id for document_id, _ in documents(tmp_path, id_column="id")]
    assert ids == ["7", "a.parquet:0:1", "8", "b.jsonl:1", "9", "c.csv:1"]


def test_group_values_are_text_or_none(tmp_path: Path) -> None:
    pq.write_table(table().append_column("n", [[1, 2, None, 4, 5]]), tmp_path / "a.parquet")
    texts, _ = read_path(tmp_path, group_columns=["lang", "n"])
    assert [text.groups for text in texts] == [
        ("x", "1"), (None, "2"), ("y", None), ("", "4"), ("z", "5")
    ]  # fmt: skip


def test_null_texts_are_dead_letters(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", None, "c"]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"text": null}\n{"other": 1}\n{"text": 5}\n')
    texts, dead = read_path(tmp_path)
    assert [text.text for text in texts] == [b"a", b"c"]
    assert [(letter.document_id, letter.reason) for letter in dead] == [
        ("a.parquet:0:1", "null_text"),
        ("b.jsonl:0", "null_text"),
        ("b.jsonl:1", "null_text"),
        ("b.jsonl:2", "not_text"),
    ]


def test_bad_lines_cost_themselves_only(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": \n\n[1]\n{"text": "\\ud800"}\n')
    (tmp_path / "b.csv").write_text('id,text\n1,a\n2\n\n3,b "x" y\n4,"c\n')
    texts, dead = read_path(tmp_path)
    assert [text.text for text in texts] == [b"a", b"\xed\xa0\x80", b"a", b'b "x" y']
    assert [(letter.document_id, letter.reason) for letter in dead] == [
        ("a.jsonl:1", "bad_json"),
        ("a.jsonl:2", "bad_json"),
        ("b.csv:1", "bad_csv"),
        ("b.csv:3", "bad_csv"),
    ]


@pytest.mark.parametrize("shard_bytes", [1, 7, 30, 10_000])
def test_quoted_newlines_survive_a_cut_at_any_size(tmp_path: Path, shard_bytes: int) -> None:
    rows = [
        {"id": b"%d" % i, "text": text}
        for i, text in enumerate([b"a\nb", b'say ""\n', b"\r\n,\n", b"", b"plain", b'"\n"'])
    ]
    (tmp_path / "a.csv").write_bytes(csv_bytes(rows))
    found = documents(tmp_path, id_column="id", shard_bytes=shard_bytes)
    assert found == [(row["id"].decode(), row["text"]) for row in rows]


@pytest.mark.parametrize("shard_bytes", range(1, 60, 7))
def test_position_ids_do_not_depend_on_the_cuts(tmp_path: Path, shard_bytes: int) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl_bytes(ROWS[:4]).replace(b"\n", b"\r\n\n"))
    (tmp_path / "b.csv").write_bytes(csv_bytes(ROWS[:4]).replace(b"\n", b"\n\r\n"))
    pq.write_table(table().slice(0, 4), tmp_path / "c.parquet", row_group_size=3)
    write_ipc(tmp_path / "d.arrow", table().slice(0, 4), 3, stream=False, codec=None)
    assert documents(tmp_path, shard_bytes=shard_bytes) == documents(tmp_path)


def test_one_giant_row_group_is_cut_into_row_ranges(tmp_path: Path) -> None:
    column = pa.array([words(i, 1000) for i in range(500)], pa.binary())
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet", row_group_size=500)
    plan = plan_sources(DataConfig(path=str(tmp_path), shard_bytes=20_000))
    assert len(plan.shards) > 20
    found = documents(tmp_path, shard_bytes=20_000)
    assert found == [(f"a.parquet:0:{i}", words(i, 1000)) for i in range(500)]


def test_a_memory_store_and_a_glob_are_read_as_a_folder_is(tmp_path: Path) -> None:
    with fsspec.open("memory://corpus/x/a.csv", "wb") as file:
        file.write(csv_bytes(ROWS))
    with fsspec.open("memory://corpus/x/b.parquet", "wb") as file:
        pq.write_table(table(), file)
    with (
        fsspec.open("memory://corpus/c.arrow", "wb") as file,
        ipc.new_file(file, table().schema) as w,
    ):
        w.write_table(table())
    expected = list(zip(IDS, TEXTS, strict=True))
    assert documents("memory://corpus/x", id_column="id") == expected * 2
    assert documents("memory://corpus/*.arrow", id_column="id") == expected
    (tmp_path / "a.csv").write_bytes(csv_bytes(ROWS))
    (tmp_path / "b.json").write_bytes(b"not looked at")
    assert documents(tmp_path / "*.csv", id_column="id") == expected


def test_documents_are_opened_lazily_and_text_is_not_copied(tmp_path: Path) -> None:
    big = words(3, 4 * CHUNK_BYTES)
    pq.write_table(pa.table({"text": pa.array([big, b"b"])}), tmp_path / "a.parquet")
    config = DataConfig(path=str(tmp_path), shard_bytes=1 << 30)
    found = read_documents(plan_sources(config).shards[0], config)
    document = next(found)
    assert isinstance(document, Document)
    chunks = list(document.chunks)
    assert {type(chunk) for chunk in chunks} == {memoryview}
    assert len({id(chunk.obj) for chunk in chunks if isinstance(chunk, memoryview)}) == 1
    following = next(found)
    assert isinstance(following, Document) and read_document(following)
