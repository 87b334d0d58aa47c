"""Files of every format, broken at random: read to an end, every row in a text or in a letter."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.scan import plan_sources
from tests.pipeline.reading import count_rows, pieces_of, read_plan
from tests.pipeline.sources import COMPRESS
from tests.pipeline.test_dataset_damage import replace_unseen

ROWS = [{"id": str(i // 2), "part": i, "text": f"text {i} " * (i % 5 * 4)} for i in range(20)]
TABLE = pa.Table.from_pylist(ROWS)


def parquet(**how: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(TABLE, file, row_group_size=7, **how)
    return file.getvalue()


def arrow(codec: str | None, stream: bool) -> bytes:
    file = io.BytesIO()
    make = ipc.new_stream if stream else ipc.new_file
    with make(file, TABLE.schema, options=ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(TABLE, max_chunksize=7)
    return file.getvalue()


JSON = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
CSV = b"id,part,text\n" + b"".join(
    f'{row["id"]},{row["part"]},"{row["text"]}"\n'.encode() for row in ROWS
)

GOOD: dict[str, bytes] = {
    "plain.parquet": parquet(compression="none"),
    "zstd.parquet": parquet(compression="zstd", data_page_version="2.0"),
    "delta.parquet": parquet(use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}),
    "file.arrow": arrow(None, stream=False),
    "lz4.arrow": arrow("lz4", stream=False),
    "stream.arrow": arrow("zstd", stream=True),
    "a.jsonl": JSON,
    "a.csv": CSV,
    **{f"a.jsonl{suffix}": COMPRESS[suffix](JSON) for suffix in (".zst", ".xz", ".bz2")},
    "a.csv.gz": gzip.compress(CSV),
    "a.txt.gz": gzip.compress(b"some text " * 50),
}

PLACES = st.floats(0, 1, exclude_max=True)
BYTES = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, bytes(4), b"\x7f", b'"'])


def overwrite(data: bytes, place: float, new: bytes) -> bytes:
    at = int(place * len(data))
    return data[:at] + new + data[at + len(new) :]


def insert(data: bytes, place: float, new: bytes) -> bytes:
    at = int(place * len(data))
    return data[:at] + new + data[at:]


def remove(data: bytes, place: float, new: bytes) -> bytes:
    at = int(place * len(data))
    return data[:at] + data[at + len(new) :]


def cut_off(data: bytes, place: float, new: bytes) -> bytes:
    return data[: int(place * len(data))]


Change = tuple[Callable[[bytes, float, bytes], bytes], float, bytes]
CHANGES = st.lists(
    st.tuples(st.sampled_from([overwrite, overwrite, insert, remove, cut_off]), PLACES, BYTES),
    min_size=1,
    max_size=3,
)
KEYS = st.sampled_from([{}, {"id_column": "id"}, {"id_column": "id", "part_column": "part"}])


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, keys=KEYS, is_rotten=st.booleans())
def test_a_broken_file_is_refused_or_accounted_for(
    tmp_path: Path, name: str, changes: list[Change], keys: dict[str, object], is_rotten: bool
) -> None:
    """``is_rotten``: the file breaks unseen behind the planning; else before it."""
    path, broken = tmp_path / name, GOOD[name]
    for change, place, new in changes:
        broken = change(broken, place, new)
    keys = {} if ".txt" in name else keys
    data = DataConfig.model_validate({"path": str(path), "shard_bytes": 100, **keys})
    path.write_bytes(GOOD[name] if is_rotten else broken)
    try:
        plan = plan_sources(data)
    except SourceError as refused:
        assert path.name in str(refused)
        return
    if is_rotten and len(broken) == len(GOOD[name]):
        replace_unseen(path, broken)
    texts, dead = read_plan(plan, data)
    assert all(letter.reason and letter.detail for letter in dead)
    if all(piece.num_rows is not None for piece in pieces_of(plan)):
        planned = sum(piece.num_rows or 0 for piece in pieces_of(plan))
        assert count_rows(texts, dead) == planned
