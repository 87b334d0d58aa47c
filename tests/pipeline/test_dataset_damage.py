"""Damage costs what it touches, and every planned row is accounted for."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.scan import plan_sources
from tests.pipeline.reading import count_rows, read_path, read_plan, words
from tests.pipeline.sources import COMPRESS, TEXTS, csv_bytes, jsonl_bytes, table, write_ipc


def rot(path: Path, good: bytes, *offsets: int) -> None:
    """Flips a bit at each offset as a bad disk does: the file's size and time stay."""
    bad = bytearray(good)
    for offset in offsets:
        bad[offset] ^= 0x40
    replace_unseen(path, bytes(bad))


def replace_unseen(path: Path, data: bytes) -> None:
    """Writes other bytes under the old time."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_corrupt_file_among_good_ones_is_one_dead_letter(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(b"")
    (tmp_path / "c.parquet").write_bytes(whole[:-10])
    (tmp_path / "d.arrow").write_bytes(whole)
    (tmp_path / "e.csv.gz").write_bytes(b"this is not gzip")
    (tmp_path / "f.txt.xz").write_bytes(b"nor xz")
    (tmp_path / "g.jsonl").write_bytes(b"<html>\n")
    (tmp_path / "h.csv").write_bytes(b"")
    texts, dead = read_path(tmp_path)
    assert len(texts) == len(TEXTS)
    bad = ["b.parquet", "c.parquet", "d.arrow", "e.csv.gz", "f.txt.xz", "g.jsonl", "h.csv"]
    assert [Path(letter.source).name for letter in dead] == bad
    assert {(letter.reason, letter.num_rows) for letter in dead} == {("corrupt_file", 1)}


def test_only_corrupt_files_are_a_bad_order(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(SourceError, match=r"a\.parquet: corrupt_file: "):
        plan_sources(DataConfig(path=str(tmp_path)))


@pytest.mark.parametrize("suffix", list(COMPRESS)[1:])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_a_stream_that_breaks_off_keeps_what_came_before(
    tmp_path: Path, suffix: str, name: str
) -> None:
    rows = [{"id": b"%d" % i, "text": words(i, 20_000)} for i in range(100)]
    data = jsonl_bytes(rows) if name == "a.jsonl" else csv_bytes(rows)
    packed = COMPRESS[suffix](data)
    (tmp_path / (name + suffix)).write_bytes(packed[: len(packed) * 2 // 3])
    texts, dead = read_path(tmp_path)
    assert [text.text for text in texts] == [row["text"] for row in rows[: len(texts)]]
    assert len(dead) == 1 and dead[0].num_rows == 1
    assert dead[0].reason == ("corrupt_file" if name == "a.txt" else "corrupt_rows")


def test_a_flipped_bit_anywhere_in_parquet_loses_no_count(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [words(i, 2000) for i in range(60)]
    columns = {"id": [str(i // 4) for i in range(60)], "part": [i % 4 for i in range(60)]}
    made = pa.table({**columns, "text": pa.array(rows, pa.binary())})
    pq.write_table(made, path, row_group_size=10, write_page_checksum=True, compression="none")
    good = path.read_bytes()
    for keys in ({}, {"id_column": "id", "part_column": "part"}):
        data = DataConfig.model_validate({"path": str(path), "shard_bytes": 10_000, **keys})
        plan = plan_sources(data)
        whole, _ = read_plan(plan, data)
        for offset in range(200, len(good) - 3000, 3001):
            rot(path, good, offset)
            texts, dead = read_plan(plan, data)
            assert count_rows(texts, dead) == 60
            assert set(texts) <= set(whole)
            assert len(texts) < len(whole) or not dead
        rot(path, good)


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
def test_a_flipped_bit_anywhere_in_arrow_loses_no_count(
    tmp_path: Path, codec: str | None, stream: bool
) -> None:
    path = tmp_path / "a.arrow"
    rows = [words(i, 500) for i in range(40)]
    write_ipc(path, pa.table({"text": pa.array(rows, pa.binary())}), 10, stream=stream, codec=codec)
    data = DataConfig(path=str(path))
    plan = plan_sources(data)
    good = path.read_bytes()
    for offset in range(300, len(good) - 300, 211):
        rot(path, good, offset)
        assert count_rows(*read_plan(plan, data)) == 40


def test_a_damaged_batch_found_at_planning_counts_as_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    rows = [words(i, 5000) for i in range(40)]
    write_ipc(path, pa.table({"text": pa.array(rows)}), 10, stream=False, codec="zstd")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 500] = bytes(500)
    path.write_bytes(whole)
    texts, dead = read_path(path)
    assert len(texts) == 30 and [letter.num_rows for letter in dead] == [1]


def test_a_column_that_went_unseen_loses_the_rows_and_says_so(tmp_path: Path) -> None:
    def bytes_of(column: str) -> dict[str, bytes]:
        made = pa.table({column: ["a", "b"]})
        pq.write_table(made, tmp_path / "b.parquet")
        write_ipc(tmp_path / "c.arrow", made, 1, stream=False, codec=None)
        (tmp_path / "a.csv").write_text(f"{column}\na\nb\n")
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    others = bytes_of("body")
    bytes_of("text")
    config = DataConfig(path=str(tmp_path))
    plan = plan_sources(config)
    for name, data in others.items():
        replace_unseen(tmp_path / name, data)
    texts, dead = read_plan(plan, config)
    assert texts == [] and sum(letter.num_rows for letter in dead) == 6
    assert {letter.detail for letter in dead} == {"column text is gone; was the file changed?"}
