"""Parquet and Arrow files that lie about themselves, and columns of every type."""

import datetime
import decimal
import io
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import CHUNK_BYTES, DeadLetter, Document
from longriver.pipeline.scan import plan_sources
from tests.pipeline.reading import pieces_of, read_path
from tests.pipeline.sources import write_ipc

NUM_ROWS = 12_345


def zigzag(number: int) -> bytes:
    """A number as Thrift's compact protocol has it."""
    left, out = (number << 1) ^ (number >> 63), b""
    while left > 127:
        out, left = out + bytes([left & 127 | 128]), left >> 7
    return out + bytes([left])


def lying_about_rows(num_rows: int) -> bytes:
    """A Parquet file whose footer, its length mended, claims another number of rows."""
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["x"] * NUM_ROWS}), file, row_group_size=NUM_ROWS)
    whole = file.getvalue()
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    footer = whole[start:-8].replace(zigzag(NUM_ROWS), zigzag(num_rows))
    return whole[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


@pytest.mark.parametrize("num_rows", [-5, 1 << 31, 1 << 40, 1 << 60, (1 << 62) - 1])
def test_row_counts_that_cannot_be_are_refused(tmp_path: Path, num_rows: int) -> None:
    (tmp_path / "a.parquet").write_bytes(lying_about_rows(num_rows))
    with pytest.raises(SourceError, match=r"corrupt_file: (it claims|the footer)"):
        plan_sources(DataConfig(path=str(tmp_path)))


def test_rows_that_are_claimed_and_not_there_are_counted_as_lost(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(lying_about_rows(NUM_ROWS + 655))
    texts, [letter] = read_path(tmp_path)
    assert len(texts) == NUM_ROWS
    assert (letter.reason, letter.num_rows, letter.source_row) == ("corrupt_rows", 655, NUM_ROWS)


def test_a_row_group_of_many_rows_is_cut_into_a_bounded_number(tmp_path: Path) -> None:
    texts = pa.array(np.arange(30_000_000) % 251, pa.uint8()).cast(pa.string())
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=30_000_000)
    plan = plan_sources(DataConfig(path=str(tmp_path), shard_bytes=1 << 40))
    assert len(pieces_of(plan)) == 1024
    assert sum(piece.num_rows or 0 for piece in pieces_of(plan)) == 30_000_000


@pytest.mark.parametrize("store_schema", [False, True], ids=["plain", "dictionary"])
def test_one_large_text_repeated_is_held_once(tmp_path: Path, store_schema: bool) -> None:
    large = "ab" * (8 << 20)
    repeated = pa.DictionaryArray.from_arrays(np.zeros(5000, np.int32), pa.array([large]))
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": repeated}),
        path,
        compression="zstd",
        dictionary_pagesize_limit=1 << 30,
        store_schema=store_schema,
    )
    assert path.stat().st_size < 10_000
    before = getrusage(RUSAGE_SELF).ru_maxrss
    data = DataConfig(path=str(path))
    lengths = [
        sum(len(chunk) for chunk in document.chunks)
        for shard in plan_sources(data).shards
        for document in read_documents(shard, data)
        if isinstance(document, Document)
    ]
    assert lengths == [len(large)] * 5000
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 400 << 10  # KiB; all rows are 84 GB


def test_statistics_that_would_end_the_process_cost_their_row_group(tmp_path: Path) -> None:
    """pyarrow 26 aborts where Python asks for the column chunk of such a footer."""
    file = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array(["a", None])}), file)
    whole = file.getvalue()
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    # how often each repetition level occurs, four levels of a column that has none
    histograms, levels = bytes.fromhex("19061926 0202"), bytes.fromhex("1946 02020202 1926 0202")
    footer = whole[start:-8].replace(histograms, levels)
    assert len(footer) > len(whole[start:-8])
    broken = whole[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    (tmp_path / "a.parquet").write_bytes(broken)
    texts, [letter] = read_path(tmp_path)
    assert texts == [] and (letter.reason, letter.num_rows) == ("corrupt_rows", 2)


NAMEABLE: dict[str, tuple[pa.Array, str]] = {
    "uint64": (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    "float": (pa.array([-0.5]), "-0.5"),
    "nan": (pa.array([float("nan")]), "nan"),
    "half": (pa.array([1.5], pa.float16()), "1.5"),
    "bool": (pa.array([True]), "true"),
    "decimal": (pa.array([decimal.Decimal("1.50")]), "1.50"),
    "date": (pa.array([datetime.date(2020, 1, 2)]), "2020-01-02"),
    "time": (pa.array([datetime.time(1, 2)]), "01:02:00.000000"),
    "timestamp": (pa.array([0], pa.timestamp("ms")), "1970-01-01 00:00:00.000"),
    "zoned": (
        pa.array([0], pa.timestamp("ms", "Europe/Paris")),
        "1970-01-01 01:00:00.000+0100",
    ),
    "duration": (pa.array([3], pa.duration("s")), "3"),
    "categories": (pa.array([7]).dictionary_encode(), "7"),
    "json": (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"])), "{}"),
    "bytes": (pa.array([b"\xff"]), "\ufffd"),
}


@pytest.mark.parametrize("column,name", NAMEABLE.values(), ids=NAMEABLE)
@pytest.mark.parametrize("form", ["a.parquet", "a.arrow"])
def test_ids_and_groups_of_any_plain_type_become_text(
    tmp_path: Path, column: pa.Array, name: str, form: str
) -> None:
    write(tmp_path / form, pa.table({"text": ["x"], "c": column}))
    texts, _ = read_path(tmp_path / form, id_column="c", group_columns=["c"])
    assert [(text.document_id, text.groups) for text in texts] == [(name, (name,))]


REFUSED: dict[str, pa.Array] = {
    "list": pa.array([["a"]]),
    "struct": pa.array([{"x": "a"}]),
    "map": pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string())),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"a" * 16], pa.binary(16))),
    "fixed": pa.array([b"ab"], pa.binary(2)),
    "unknown_zone": pa.array([1], pa.timestamp("us", "Foo/Bar")),
}


@pytest.mark.parametrize("column", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("key", ["text_column", "id_column"])
@pytest.mark.parametrize("form", ["a.parquet", "a.arrow"])
def test_other_types_are_refused_by_name_before_work(
    tmp_path: Path, column: pa.Array, key: str, form: str
) -> None:
    write(tmp_path / form, pa.table({"text": ["x"], "c": column}))
    with pytest.raises(SourceError, match=rf"data\.{key}=c is .* in .*{form}; it must be"):
        plan_sources(DataConfig.model_validate({"path": str(tmp_path / form), key: "c"}))


@pytest.mark.parametrize("form", ["a.parquet", "a.arrow"])
def test_a_column_without_a_type_is_all_null(tmp_path: Path, form: str) -> None:
    write(tmp_path / form, pa.table({"text": ["x", "y"], "c": pa.nulls(2)}))
    texts, dead = read_path(tmp_path / form, text_column="c")
    assert texts == [] and [letter.reason for letter in dead] == ["null_text"] * 2
    texts, _ = read_path(tmp_path / form, id_column="c", group_columns=["c"])
    assert [(text.document_id, text.groups) for text in texts] == [
        (f"{form}:0:0", (None,)),
        (f"{form}:0:1", (None,)),
    ]


def test_texts_may_be_of_another_type_in_every_file(tmp_path: Path) -> None:
    for i, kind in enumerate((pa.string(), pa.large_binary(), pa.string_view())):
        pq.write_table(pa.table({"text": pa.array(["a"]).cast(kind)}), tmp_path / f"{i}.parquet")
    (tmp_path / "3.jsonl").write_text('{"text": "a"}\n')
    texts, dead = read_path(tmp_path)
    assert [text.text for text in texts] == [b"a"] * 4 and dead == []


def test_a_column_missing_in_the_seventh_file_is_refused_before_work(tmp_path: Path) -> None:
    for i in range(9):
        column = "TEXT" if i == 6 else "text"
        pq.write_table(pa.table({column: ["a"]}), tmp_path / f"{i}.parquet")
    with pytest.raises(SourceError, match=r"data\.text_column=text is no column of .*6\.parquet"):
        plan_sources(DataConfig(path=str(tmp_path)))


def test_files_and_row_groups_without_rows_are_nothing(tmp_path: Path) -> None:
    schema = pa.schema({"text": pa.string()})
    with pq.ParquetWriter(tmp_path / "a.parquet", schema) as writer:
        for texts in ([], ["a"], [], ["b"], []):
            writer.write_table(pa.table({"text": pa.array(texts, pa.string())}))
    pq.write_table(schema.empty_table(), tmp_path / "b.parquet")
    write_ipc(tmp_path / "c.arrow", schema.empty_table(), 1, stream=False, codec=None)
    write_ipc(tmp_path / "d.arrow", schema.empty_table(), 1, stream=True, codec=None)
    texts, dead = read_path(tmp_path)
    assert [text.text for text in texts] == [b"a", b"b"] and dead == []


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_file_cut_off_anywhere_is_whole_rows_and_letters(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, pa.table({"text": ["some text"] * 9}))
    whole = (tmp_path / name).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / name).write_bytes(whole[:length])
        try:
            texts, dead = read_path(tmp_path / name)
        except SourceError as refused:
            assert f"{name}: corrupt_file: " in str(refused)
        else:
            assert {text.text for text in texts} <= {b"some text"}
            assert all(isinstance(letter, DeadLetter) and letter.detail for letter in dead)


def write(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        write_ipc(path, table, 4, stream=False, codec=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cell.parquet", "cell.arrow"])
def test_a_cell_far_larger_than_a_chunk_is_read_whole_in_small_pieces(
    tmp_path: Path, name: str
) -> None:
    """One of 1.9 GB was read by hand; a tenth of it takes the same way."""
    size = 190_000_001
    table = pa.table({"text": ["before", "x" * size, "behind"]})
    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    data = DataConfig(path=str(path))
    lengths = []
    for shard in plan_sources(data).shards:
        for found in read_documents(shard, data):
            assert isinstance(found, Document)
            pieces = [len(chunk) for chunk in found.chunks]
            assert max(pieces) <= CHUNK_BYTES
            lengths.append(sum(pieces))
    assert lengths == [6, size, 6]
