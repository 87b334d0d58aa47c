"""Passages are those bytes of the input, in every form of it; what cannot be had says why."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.excerpt import Excerpts, NoText, Passage
from longriver.pipeline.scan import plan_sources
from tests.pipeline.sources import ROWS, TEXTS, csv_bytes, jsonl_bytes, table

PLACES = ((0, 5), (3, 4), (0, 1 << 20), (1 << 18, 100), (1 << 30, 5))


def excerpts(path: Path, max_bytes: int = 1 << 40, **keys: object) -> Excerpts:
    data = DataConfig.model_validate({"path": str(path), **keys})
    return Excerpts(plan_sources(data), data, max_bytes)


def read(found: Excerpts, passage: Passage) -> bytes:
    [text] = found.read([passage]).values()
    if isinstance(text, NoText):
        raise text
    return text


def source_in(found: Excerpts) -> str:
    [source] = {piece.source for pieces in found._pieces.values() for piece in pieces}
    return source


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.jsonl.gz"])
def test_a_passage_of_any_row_is_what_stands_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(table(), path, row_group_size=2)
    else:
        plain = csv_bytes(ROWS) if name == "a.csv" else jsonl_bytes(ROWS)
        path.write_bytes(gzip.compress(plain) if name.endswith(".gz") else plain)
    found = excerpts(path, shard_bytes=20)
    source = source_in(found)
    first = [Passage(source, row, 1, 3) for row in range(len(TEXTS))]
    assert list(found.read(reversed(first))) == first[::-1]
    for row, text in enumerate(TEXTS):
        whole = read(found, Passage(source, row, 0, 1 << 30))
        for start, size in PLACES:
            assert read(found, Passage(source, row, start, size)) == whole[start : start + size]
        if name == "a.parquet":
            assert whole == text


def test_plain_text_is_read_no_further_than_it_has_to_be(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"0123456789" * 1000)
    found = excerpts(path, max_bytes=60)
    assert read(found, Passage(str(path), 0, 20, 5)) == b"01234"
    assert read(found, Passage(str(path), 0, 25, 5)) == b"56789"
    with pytest.raises(NoText, match="too far in"):
        read(found, Passage(str(path), 0, 25, 5))


def test_a_document_in_parts_goes_on_into_the_next_row(tmp_path: Path) -> None:
    path = tmp_path / "parts.parquet"
    columns = {"id": ["a", "a", "b"], "part": [0, 1, 0], "text": ["one ", "two", "three"]}
    pq.write_table(pa.table(columns), path)
    found = excerpts(path, id_column="id", part_column="part")
    assert read(found, Passage(str(path), 0, 2, 4)) == b"e tw"
    assert read(found, Passage(str(path), 2, 0, 9)) == b"three"


def test_passages_can_be_of_something_else_in_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,id\nlong,short\n")
    data = DataConfig.model_validate({"path": str(path), "id_column": "id"})
    by_id = Excerpts(plan_sources(data), data, text_of=lambda d: iter((d.document_id.encode(),)))
    assert read(by_id, Passage(str(path), 0, 0, 9)) == b"short"


def test_input_that_is_gone_or_has_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("something")
    found = excerpts(path)
    passage = Passage(str(path), 0, 0, 4)
    with pytest.raises(NoText, match="plan does not know"):
        read(found, Passage("/elsewhere.txt", 0, 0, 4))
    os.utime(path, (1, 1))
    with pytest.raises(NoText, match="changed during the run"):
        read(found, passage)
    path.unlink()
    with pytest.raises(NoText, match="it is gone"):
        read(found, passage)
