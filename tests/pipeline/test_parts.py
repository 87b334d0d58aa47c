"""Documents made of several rows: joined lazily, whole or dead, every row counted once."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.errors import DocumentError
from longriver.pipeline.document import CHUNK_BYTES, DeadLetter, Document
from longriver.pipeline.formats.row import Row
from longriver.pipeline.parts import join_parts, slices
from tests.pipeline.reading import Text, count_rows, read_document, read_path

PARTS = {"id_column": "id", "part_column": "part"}


def rows_of(ids: Iterable[str | None], *, parts: Iterable[int | None] | None = None) -> list[Row]:
    ids = list(ids)
    numbers = list(range(len(ids))) if parts is None else list(parts)
    return [
        Row(i, f"f:{i}", name, numbers[i], (), f"{name}{i} ".encode()) for i, name in enumerate(ids)
    ]


def lost(row: int, num_rows: int = 1) -> DeadLetter:
    return DeadLetter(None, "f", row, num_rows, "corrupt_rows", "")


def join(rows: list[Row | DeadLetter]) -> list[Text | DeadLetter]:
    done = []
    for found in join_parts(iter(rows), "f"):
        assert found is not None
        done.append(read_document(found) if isinstance(found, Document) else found)
    return done


def test_consecutive_rows_of_one_id_are_one_document() -> None:
    joined = join([*rows_of("aabcc")])
    assert [(d.document_id, d.num_rows) for d in joined] == [("a", 2), ("b", 1), ("c", 2)]
    assert [d.text for d in joined if isinstance(d, Text)] == [b"a0 a1 ", b"b2 ", b"c3 c4 "]


def test_the_next_document_waits_until_the_open_one_is_used_up() -> None:
    found = join_parts(iter(rows_of("aab")), "f")
    first = next(found)
    assert isinstance(first, Document)
    assert next(found) is None
    assert bytes(next(first.chunks)) == b"a0 "
    assert next(found) is None
    assert [bytes(chunk) for chunk in first.chunks] == [b"a1 "]
    assert first.num_rows == 2
    assert isinstance(second := next(found), Document) and second.document_id == "b"


def test_rows_are_pulled_only_as_the_text_is_read() -> None:
    pulled = []

    def rows() -> Iterable[Row]:
        for row in rows_of("aaaa"):
            pulled.append(row.row)
            yield row

    document = next(join_parts(iter(rows()), "f"))
    assert isinstance(document, Document) and pulled == [0]
    next(document.chunks)
    assert len(pulled) <= 2


def test_closing_the_chunks_of_an_open_document_skips_its_rows() -> None:
    found = join_parts(iter(rows_of("aaab")), "f")
    first = next(found)
    assert isinstance(first, Document)
    next(first.chunks)
    first.chunks.close()
    assert first.num_rows == 3
    assert isinstance(second := next(found), Document) and second.document_id == "b"


@pytest.mark.parametrize("parts", [(1, 1, 5), (2, 1, 5), (1, None, 5), (None, 2, 5)])
def test_parts_that_do_not_rise_kill_their_document_only(parts: tuple[int | None, ...]) -> None:
    first, second = join([*rows_of("aab", parts=parts)])
    assert isinstance(first, DeadLetter) and (first.reason, first.num_rows) == ("part_order", 2)
    assert isinstance(second, Text)


def test_a_null_text_kills_its_document_and_all_its_rows() -> None:
    good = rows_of("aaab")
    null = DocumentError("null_text", "")
    broken = Row(1, "f:1", "a", 1, (), null)
    first, second = join([good[0], broken, *good[2:]])
    assert isinstance(first, DeadLetter) and (first.reason, first.num_rows) == ("null_text", 3)
    assert isinstance(second, Text)


def test_documents_beside_unreadable_rows_are_dead_because_they_may_miss_some() -> None:
    rows = rows_of("abbccde")
    joined = join([*rows[:3], lost(3, 2), *rows[3:]])
    reasons = [d.reason if isinstance(d, DeadLetter) else d.document_id for d in joined]
    assert reasons == ["a", "incomplete", "corrupt_rows", "incomplete", "d", "e"]
    assert [d.num_rows for d in joined] == [1, 2, 2, 2, 1, 1]


def test_rows_without_an_id_are_documents_of_their_own() -> None:
    joined = join([*rows_of([None, None, "a"]), lost(3)])
    ids = [d.document_id for d in joined if isinstance(d, Text)]
    assert ids == ["f:0", "f:1"]


@given(st.lists(st.sampled_from(["a", "b", None, "lost"]), max_size=12))
def test_every_row_is_in_one_document_or_one_letter(kinds: list[str | None]) -> None:
    rows: list[Row | DeadLetter] = [
        lost(row.row) if row.document_id == "lost" else row for row in rows_of(kinds)
    ]
    joined = join(rows)
    texts = [d for d in joined if isinstance(d, Text)]
    assert count_rows(texts, [d for d in joined if isinstance(d, DeadLetter)]) == len(rows)


@given(st.binary(max_size=50))
def test_slices_are_the_text(text: bytes) -> None:
    assert b"".join(slices(text)) == text


def test_slices_are_no_longer_than_a_chunk() -> None:
    sizes = [len(part) for part in slices(bytes(2 * CHUNK_BYTES + 1))]
    assert sizes == [CHUNK_BYTES, CHUNK_BYTES, 1]


IDS = ["a"] * 7 + ["b"] + ["c"] * 9 + [None, None] + ["ü"] * 6 + ["d"]
NUMBERS = list(range(len(IDS)))
CELLS = [f"{i}\n" for i in NUMBERS]


def part_file(folder: Path, name: str) -> Path:
    path = folder / name
    made = pa.table({"id": IDS, "part": NUMBERS, "text": CELLS})
    lines = [
        {"id": id, "part": i, "text": text} for id, i, text in zip(IDS, NUMBERS, CELLS, strict=True)
    ]
    if name == "a.parquet":
        pq.write_table(made, path, row_group_size=4)
    elif name == "a.arrow":
        with ipc.new_file(path, made.schema) as writer:
            writer.write_table(made, max_chunksize=4)
    elif name == "a.jsonl":
        path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    else:
        cells = [f'{line["id"] or ""},{line["part"]},"{line["text"]}"\n' for line in lines]
        path.write_text("id,part,text\n" + "".join(cells))
    return path


@pytest.mark.parametrize("shard_bytes", [1, 3, 20, 100, 10_000])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.jsonl", "a.csv"])
def test_no_cut_goes_through_a_document(tmp_path: Path, name: str, shard_bytes: int) -> None:
    texts, dead = read_path(part_file(tmp_path, name), shard_bytes=shard_bytes, **PARTS)
    assert dead == []
    assert [(text.document_id[:1], text.num_rows) for text in texts] == [
        ("a", 7), ("b", 1), ("c", 9), ("a", 1), ("a", 1), ("ü", 6), ("d", 1)
    ]  # fmt: skip
    assert b"".join(text.text for text in texts) == "".join(CELLS).encode()


def test_a_bad_line_within_a_document_takes_the_document_and_no_other(tmp_path: Path) -> None:
    path = part_file(tmp_path, "a.jsonl")
    path.write_text(path.read_text().replace('"part": 9,', '"part" 9,'))
    texts, dead = read_path(path, shard_bytes=1, **PARTS)
    assert [text.document_id[:1] for text in texts] == ["a", "b", "a", "a", "ü", "d"]
    assert [letter.reason for letter in dead] == ["incomplete", "bad_json", "incomplete"]
