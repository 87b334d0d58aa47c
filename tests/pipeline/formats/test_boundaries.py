"""Record boundaries agree with Python's csv module, at any block size."""

import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.formats.boundaries import (
    BLANK,
    RecordEnds,
    csv_ends,
    cut_records,
    line_ends,
    split_lines,
    split_records,
)

CSV_BYTES = st.text(alphabet='a,"\n', max_size=60).map(str.encode)
LINES = st.text(alphabet="ab\r\n", max_size=60).map(str.encode)


def blocks_of(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def parsed(record: bytes) -> list[str]:
    return next(csv.reader([record.decode()]), [])


@given(CSV_BYTES, st.integers(1, 9))
def test_records_parsed_one_by_one_are_what_the_csv_module_reads(data: bytes, size: int) -> None:
    expected = [row for row in csv.reader(io.StringIO(data.decode(), newline="")) if row]
    records = split_records(blocks_of(data, size), csv_ends)
    assert [parsed(record) for record in records] == expected


@given(st.lists(st.lists(st.text(alphabet='a,"\r\n é', max_size=6), min_size=2, max_size=3)))
def test_whatever_the_csv_module_writes_is_cut_into_its_rows(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    records = split_records(blocks_of(out.getvalue().encode(), 7), csv_ends)
    assert [parsed(record) for record in records] == rows


@pytest.mark.parametrize("ends", [csv_ends, line_ends])
@given(data=CSV_BYTES | LINES, size=st.integers(1, 9))
def test_lines_together_are_the_stream(ends: RecordEnds, data: bytes, size: int) -> None:
    assert b"".join(split_lines(blocks_of(data, size), ends)) == data


@pytest.mark.parametrize("ends", [csv_ends, line_ends])
@given(
    data=CSV_BYTES | LINES,
    size=st.integers(1, 9),
    max_bytes=st.integers(1, 30),
    max_rows=st.integers(1, 5),
    begin=st.sampled_from([0, 3]),
)
def test_cuts_lie_between_records_and_count_them(
    ends: RecordEnds, data: bytes, size: int, max_bytes: int, max_rows: int, begin: int
) -> None:
    cuts = cut_records(blocks_of(data, size), ends, begin, max_bytes, max_rows)
    lines = list(split_lines([data], ends)) if data else []
    offsets = np.cumsum([begin, *map(len, lines)]).tolist()
    rows = np.cumsum([0, *(line not in BLANK for line in lines)]).tolist()
    assert cuts[0].offset == begin and cuts[-1].offset == begin + len(data)
    for cut in cuts:
        assert rows[offsets.index(cut.offset)] == cut.row
    for cut, behind in itertools.pairwise(cuts):
        assert cut.offset < behind.offset
        assert behind.row - cut.row <= max_rows


def test_a_stray_quote_costs_its_own_row_only() -> None:
    data = b'a,5" disk,b\n"x\ny",1\nlast\n'
    assert list(split_records([data], csv_ends)) == [b'a,5" disk,b\n', b'"x\ny",1\n', b"last\n"]
