"""Cells that a job takes as they are, in every tabular format, and what is said of bad ones."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig, FieldColumn
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.scan import plan_sources

TEXT, NUMBER = FieldColumn("goal", "job.context={goal}"), FieldColumn("label", "job.answer=label")
LIST = FieldColumn("ends", "job.choices=ends", is_list=True)

ROWS: list[dict[str, object]] = [
    {"goal": "one", "label": 1, "ends": ["a", "b"], "other": None},
    {"goal": "", "label": 0, "ends": [], "other": "x"},
    {"goal": None, "label": 0, "ends": ["a"], "other": "x"},
    {"goal": "水", "label": -3, "ends": ["", "日本"], "other": "x"},
    {"goal": "five", "label": 1, "ends": ["a", None], "other": "x"},
    {"goal": "six", "label": 1, "ends": None, "other": "x"},
]
GOOD = [
    {"goal": "one", "label": "1", "ends": ("a", "b")},
    {"goal": "", "label": "0", "ends": ()},
    {"goal": "水", "label": "-3", "ends": ("", "日本")},
]
BAD = {2: "goal is null or not there", 4: "ends[1] is null", 5: "ends is null or not there"}


def read(path: Path, *fields: FieldColumn, **data: object) -> list[Document | DeadLetter]:
    config = DataConfig.model_validate({"path": str(path), **data}).with_fields(fields)
    shards = plan_sources(config).shards
    found = [each for shard in shards for each in read_documents(shard, config)]
    return [each for each in found if each is not None]


def written(kind: str, folder: Path, table: pa.Table) -> Path:
    path = folder / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    elif kind == "arrow":
        feather.write_feather(table, path, chunksize=4)
    else:
        pq.write_table(table, path, row_group_size=4)
    return path


@pytest.mark.parametrize("kind", ["jsonl", "arrow", "parquet"])
@pytest.mark.parametrize("list_type", [pa.list_, pa.large_list])
def test_fields_are_texts_and_lists_of_texts_whatever_the_format(
    kind: str, list_type: object, tmp_path: Path
) -> None:
    table = pa.Table.from_pylist(ROWS)
    lists = table["ends"].cast(list_type(pa.large_string()))
    table = table.set_column(2, "ends", lists)
    found = read(written(kind, tmp_path, table), TEXT, NUMBER, LIST, shard_bytes=1)
    documents = [each for each in found if isinstance(each, Document)]
    assert [document.fields for document in documents] == GOOD
    assert b"".join(documents[0].chunks) == b"one1ab"
    letters = {x.source_row: x.detail for x in found if isinstance(x, DeadLetter)}
    assert letters == BAD


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_dictionaries_numbers_and_lists_of_one_size_are_read(kind: str, tmp_path: Path) -> None:
    table = pa.table(
        {
            "goal": pa.array(["a", None, "a"]).dictionary_encode(),
            "label": pa.array([1.5, 2.0, 3.25]),
            "ends": pa.array([["x", "y"], ["z", "w"], None], pa.list_(pa.string(), 2)),
        }
    )
    found = read(written(kind, tmp_path, table), TEXT, NUMBER, LIST)
    assert isinstance(found[0], Document) and found[0].fields == {
        "goal": "a",
        "label": "1.5",
        "ends": ("x", "y"),
    }
    assert [each.reason for each in found[1:] if isinstance(each, DeadLetter)] == ["null_field"] * 2


def test_csv_has_texts_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["goal", "label"], ['say "hi",\nhe', "1"], ["", "0"]])
    [first, second] = read(path, TEXT, NUMBER)
    assert isinstance(first, Document) and isinstance(second, Document)
    assert first.fields == {"goal": 'say "hi",\nhe', "label": "1"} and second.fields["goal"] == ""
    with pytest.raises(SourceError, match="CSV has none; name a column for each text"):
        read(path, FieldColumn("goal", "job.choices=goal", is_list=True))


def test_a_json_cell_of_another_kind_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"goal": ["a"], "ends": ["a"]},
        {"goal": {"a": 1}, "ends": ["a"]},
        {"goal": "a", "ends": "a"},
        {"goal": "a", "ends": [["a"]]},
        {"goal": True, "ends": [1, 2.5]},
        {"goal": "a\ud800", "ends": []},
        {"ends": []},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    *found, last, lone, missing = read(path, TEXT, LIST)
    assert [each.reason for each in found if isinstance(each, DeadLetter)] == ["not_text"] * 4
    assert isinstance(last, Document) and last.fields == {"goal": "true", "ends": ("1", "2.5")}
    assert isinstance(lone, Document) and b"".join(lone.chunks) == b"a\xed\xa0\x80"
    assert isinstance(missing, DeadLetter) and missing.reason == "null_field"


def test_bytes_that_are_no_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"goal": pa.array([b"\xff\xfe ok"]), "ends": [[b"\x80", b"b"]]})
    pq.write_table(table, path)
    [found] = read(path, TEXT, LIST)
    assert isinstance(found, Document) and b"".join(found.chunks) == b"\xff\xfe ok\x80b"


def test_a_row_with_more_text_than_allowed_is_a_dead_letter(tmp_path: Path) -> None:
    path = written("jsonl", tmp_path, pa.Table.from_pylist(ROWS[:1]))
    [letter] = read(path, TEXT, LIST, max_document_bytes=4)
    assert isinstance(letter, DeadLetter) and letter.reason == "too_large"


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (FieldColumn("gaol", "job.context={gaol}"), "job.context={gaol}: gaol is no column of .*"),
        (FieldColumn("gaol", "job.context={gaol}"), "did you mean goal?"),
        (FieldColumn("ends", "job.context={ends}"), "ends is list<.*it must be text or a number"),
        (
            FieldColumn("goal", "job.choices=goal", True),
            "goal is string .* must be a list of texts",
        ),
    ],
)
def test_a_column_that_cannot_be_used_is_refused_before_work(
    field: FieldColumn, sentence: str, tmp_path: Path
) -> None:
    path = written("parquet", tmp_path, pa.Table.from_pylist(ROWS))
    with pytest.raises(SourceError, match=sentence):
        read(path, field)


def test_a_text_file_has_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("words")
    with pytest.raises(SourceError, match="text file, which has no columns"):
        read(path, TEXT)


def test_a_text_repeated_in_every_list_is_held_once(tmp_path: Path) -> None:
    """A few bytes say "the same again" in lists as well."""
    path, text = tmp_path / "rows.parquet", pa.array(["x" * (4 << 20)])
    indices = pa.array([0] * 400, pa.int32())
    values = pa.DictionaryArray.from_arrays(indices, text)
    lists = pa.ListArray.from_arrays(pa.array(range(0, 401, 2), pa.int32()), values)
    pq.write_table(pa.table({"ends": lists}), path, dictionary_pagesize_limit=1 << 30)
    assert path.stat().st_size < 2 << 20
    config = DataConfig.model_validate({"path": str(path)}).with_fields([LIST])
    before, most, num_rows = pa.total_allocated_bytes(), 0, 0
    for shard in plan_sources(config).shards:
        for each in read_documents(shard, config):
            assert isinstance(each, Document)
            most, num_rows = max(most, pa.total_allocated_bytes() - before), num_rows + 1
    assert num_rows == 200 and most < 100 << 20
