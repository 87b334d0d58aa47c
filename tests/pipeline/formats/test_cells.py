"""Cells read through buffers: slices, nulls, every type, and offsets that lie."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.formats.cells import cells, strings

VALUES = st.lists(st.none() | st.binary(max_size=20), max_size=20)
KINDS = [pa.binary(), pa.large_binary(), pa.binary_view()]


def as_bytes(array: pa.Array) -> list[bytes | None]:
    return [None if cell is None else bytes(cell) for cell in cells(array)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(values=VALUES, start=st.integers(0, 20), length=st.integers(0, 20))
def test_any_slice_gives_its_own_bytes(
    kind: pa.DataType, values: list[bytes | None], start: int, length: int
) -> None:
    array = pa.array(values, kind).slice(min(start, len(values)), length)
    assert as_bytes(array) == values[start:][:length]


@given(values=VALUES)
def test_dictionaries_are_looked_up(values: list[bytes | None]) -> None:
    assert as_bytes(pa.array(values, pa.binary()).dictionary_encode()) == values


def test_bytes_are_not_copied() -> None:
    array = pa.array([b"a" * 1000], pa.binary())
    (cell,) = cells(array)
    assert cell is not None
    assert np.frombuffer(cell, np.uint8).ctypes.data == array.buffers()[2].address


@pytest.mark.parametrize("offsets", [[0, 5, 3], [-4, 1, 3], [0, 1, 99]])
def test_offsets_that_point_outside_are_refused(offsets: list[int]) -> None:
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(b"abc")]
    with pytest.raises(pa.ArrowInvalid):
        cells(pa.Array.from_buffers(pa.binary(), 2, buffers))


def test_an_index_outside_the_dictionary_is_refused() -> None:
    bad = pa.DictionaryArray.from_arrays(
        pa.array([0, 7], pa.int32()), pa.array([b"a"], pa.binary()), safe=False
    )
    with pytest.raises(pa.ArrowInvalid, match="out of bounds"):
        cells(bad)


def test_strings_replace_what_is_not_utf8_and_format_numbers() -> None:
    assert strings(pa.array([b"\xff", None, "é".encode()])) == ["\ufffd", None, "é"]
    assert strings(pa.array([1, None, 3])) == ["1", None, "3"]
    assert strings(pa.array([True, None])) == ["true", None]
