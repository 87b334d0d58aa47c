"""Bad orders are refused before work, with the key, the value and the way out."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.plan import MAX_ROWS
from longriver.pipeline.scan import fingerprint, plan_sources
from tests.pipeline.reading import pieces_of

TABLE = pa.table({"txt": ["a"], "id": [1], "tags": [["x"]], "n": [1.5]})


def write_all(folder: Path) -> None:
    pq.write_table(TABLE, folder / "a.parquet")
    with ipc.new_file(folder / "b.arrow", TABLE.schema) as writer:
        writer.write_table(TABLE)
    (folder / "c.csv").write_text("txt,id,tags,n\na,1,x,1\n")
    (folder / "d.jsonl").write_text('{"txt": "a", "id": 1, "tags": [], "n": 1.5}\n')


@pytest.mark.parametrize("name", ["a.parquet", "b.arrow", "c.csv", "d.jsonl"])
@pytest.mark.parametrize(
    "keys,key",
    [
        ({"text_column": "text"}, "data.text_column=text"),
        ({"text_column": "txt", "id_column": "idd"}, "data.id_column=idd"),
        ({"text_column": "txt", "id_column": "id", "part_column": "N"}, "data.part_column=N"),
        ({"text_column": "txt", "group_columns": ["tag"]}, r"data.group_columns\[0\]=tag"),
    ],
)
def test_a_missing_column_is_named_with_those_there_are(
    tmp_path: Path, name: str, keys: dict[str, object], key: str
) -> None:
    write_all(tmp_path)
    data = DataConfig.model_validate({"path": str(tmp_path / name), **keys})
    complaint = rf"^{key} is no column of .*{name}, which has: txt, id, tags, n(;|$)"
    with pytest.raises(SourceError, match=complaint) as raised:
        plan_sources(data)
    assert "\n" not in str(raised.value)


def test_a_near_miss_is_offered(tmp_path: Path) -> None:
    write_all(tmp_path)
    with pytest.raises(SourceError, match=r"did you mean data\.text_column=txt\?"):
        plan_sources(DataConfig(path=str(tmp_path / "c.csv")))


@pytest.mark.parametrize(
    "keys,complaint",
    [
        ({"text_column": "n"}, r"data\.text_column=n is double .*must be text or bytes"),
        ({"text_column": "tags"}, r"data\.text_column=tags is list"),
        ({"text_column": "txt", "id_column": "tags"}, r"data\.id_column=tags is list"),
        (
            {"text_column": "txt", "id_column": "id", "part_column": "n"},
            r"data\.part_column=n is double .*must be a whole number",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.parquet", "b.arrow"])
def test_a_column_of_the_wrong_type_names_the_type(
    tmp_path: Path, name: str, keys: dict[str, object], complaint: str
) -> None:
    write_all(tmp_path)
    with pytest.raises(SourceError, match=complaint):
        plan_sources(DataConfig.model_validate({"path": str(tmp_path / name), **keys}))


def test_columns_of_text_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(SourceError, match=r"data\.id_column=id means nothing"):
        plan_sources(DataConfig(path=str(tmp_path), id_column="id"))


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,text\na,b\n")
    with pytest.raises(SourceError, match=r"data\.text_column=text: .* has 2 such columns"):
        plan_sources(DataConfig(path=str(tmp_path)))


def test_large_row_groups_are_cut_by_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"] * 50_000}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"text":""}\n' * 45_000)
    plan = plan_sources(DataConfig(path=str(tmp_path)))
    rows = [piece.num_rows or 0 for piece in pieces_of(plan)]
    assert sum(rows) == 95_000 and max(rows) <= MAX_ROWS


def test_the_fingerprint_follows_names_sizes_and_versions_only() -> None:
    a, b = SourceFile("/x/a", "a", 1, "t"), SourceFile("/x/b", "b", 1, "t")
    moved = SourceFile("/y/a", "a", 1, "t")
    assert fingerprint([a, b]) == fingerprint([b, moved])
    changed = [
        SourceFile("/x/a", *facts) for facts in (("c", 1, "t"), ("a", 2, "t"), ("a", 1, "u"))
    ]
    assert len({fingerprint([file, b]) for file in [a, *changed]}) == 4


def test_a_touched_file_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    data = DataConfig(path=str(tmp_path))
    before = plan_sources(data).fingerprint
    assert plan_sources(data).fingerprint == before
    os.utime(tmp_path / "a.txt", (1, 1))
    assert plan_sources(data).fingerprint != before


def test_an_input_without_documents_is_an_empty_plan(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("text\n")
    assert plan_sources(DataConfig(path=str(tmp_path))).shards == ()
