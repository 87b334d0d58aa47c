"""A file that is not the one that was planned stops the run, and its rows are never committed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import Document
from longriver.pipeline.plan import Plan
from longriver.pipeline.scan import plan_sources
from longriver.pipeline.unchanged import InputChanged
from tests.pipeline.reading import read_document, read_plan
from tests.pipeline.sources import write_ipc

NAMES = ["a.parquet", "a.arrow", "a.csv", "a.jsonl", "a.txt", "a.jsonl.gz"]


def write(path: Path, column: str = "text", num_rows: int = 3) -> None:
    made = pa.table({column: [f"row {i}" for i in range(num_rows)]})
    match path.suffixes[0]:
        case ".parquet":
            pq.write_table(made, path)
        case ".arrow":
            write_ipc(path, made, 2, stream=False, codec=None)
        case ".csv":
            path.write_text(f"{column}\n" + "row\n" * num_rows)
        case ".txt":
            path.write_text(column * num_rows)
        case _:
            with fsspec.open(str(path), "wb", compression="infer") as file:
                file.write(b'{"%s": "row"}\n' % column.encode() * num_rows)


def shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" and more")


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


CHANGES: dict[str, Callable[[Path], None]] = {
    "shrunk": shrink,
    "grown": grow,
    "touched": touch,
    "gone": Path.unlink,
}


def planned(path: Path) -> tuple[Plan, DataConfig]:
    data = DataConfig(path=str(path))
    return plan_sources(data), data


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_changed_since_it_was_planned_is_named(
    tmp_path: Path, name: str, change: Callable[[Path], None]
) -> None:
    path = tmp_path / name
    write(path)
    plan, data = planned(tmp_path)
    change(path)
    with pytest.raises(InputChanged, match=rf"{name} changed during the run: it.*was|is gone"):
        read_plan(plan, data)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_changed_while_it_is_read_is_noticed_before_its_end(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    write(path)
    plan, data = planned(tmp_path)

    def read() -> Iterator[object]:
        for shard in plan.shards:
            for found in read_documents(shard, data):
                assert isinstance(found, Document)
                yield from found.chunks

    chunks = read()
    assert next(chunks)
    touch(path)
    with pytest.raises(InputChanged, match="its mtime was"):
        list(chunks)


def test_another_file_of_the_same_size_is_noticed_by_its_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na\n")
    plan, data = planned(tmp_path)
    (tmp_path / "a.csv").write_text("text\nb\n")
    with pytest.raises(InputChanged):
        read_plan(plan, data)


def test_what_a_store_does_not_say_cannot_differ() -> None:
    with fsspec.open("memory://unchanged/a.txt", "wb") as file:
        file.write(b"a")
    data = DataConfig(path="memory://unchanged")
    plan = plan_sources(data)
    (document,) = read_documents(plan.shards[0], data)
    assert isinstance(document, Document) and read_document(document)
    with fsspec.open("memory://unchanged/a.txt", "wb") as file:
        file.write(b"another")
    with pytest.raises(InputChanged, match="had 1 bytes and has 7 now"):
        read_plan(plan, data)
