"""The size of a column in each row group, read from a Parquet footer without trust in it.

pyarrow gives it as well, but ends the process when the statistics beside it are damaged. A footer
is Thrift's compact protocol: fields of a type and a number, nested to no stated depth.
"""

import numba
import numpy as np
import numpy.typing as npt

from longriver.pipeline.damage import Damaged

Bytes = npt.NDArray[np.uint8]
Sizes = npt.NDArray[np.int64]

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
ROW_GROUPS, COLUMNS, META_DATA, UNCOMPRESSED_SIZE = 4, 1, 3, 6
"""Numbers of the fields on the way to the size, from the footer down."""

MAX_DEPTH = 64
MAX_SIZE = 1 << 48
"""What is said to be larger is a lie."""

OPEN_STRUCT = 99
"""Whose fields are being passed over."""

NONE = -1
"""Not there, or not to be read: the only numbers below zero in this module."""


def column_sizes(footer: bytes, leaf: int, num_groups: int) -> list[int]:
    """The uncompressed size of leaf column ``leaf`` in each row group.

    Raises:
        Damaged: the footer does not say.
    """
    sizes = np.full(num_groups, NONE, np.int64)
    _find_sizes(np.frombuffer(footer, np.uint8), leaf, sizes)
    if np.any(sizes < 0) or np.any(sizes > MAX_SIZE):
        raise Damaged("the footer does not say how large the text column is")
    found: list[int] = sizes.tolist()
    return found


@numba.njit(cache=True, nogil=True)
def _find_sizes(footer: Bytes, leaf: int, sizes: Sizes) -> None:
    """Fills in the sizes up to the first damage."""
    position, num_groups = _structs(footer, _field(footer, 0, ROW_GROUPS, LIST))
    for group in range(min(num_groups, len(sizes))):
        column, num_columns = _structs(footer, _field(footer, position, COLUMNS, LIST))
        for _ in range(min(leaf, num_columns)):
            column = _skip(footer, column, STRUCT)
        if leaf < num_columns:
            meta_data = _field(footer, column, META_DATA, STRUCT)
            position_of_size = _field(footer, meta_data, UNCOMPRESSED_SIZE, I64)
            behind, size = _varint(footer, position_of_size)
            sizes[group] = _unzigzag(size) if behind != NONE else NONE
        position = _skip(footer, position, STRUCT)


@numba.njit(cache=True, nogil=True)
def _structs(data: Bytes, position: int) -> tuple[int, int]:
    """Position of the first struct of a list of them, and how many there are."""
    position, kind, size = _list_header(data, position)
    return (position, size) if kind == STRUCT else (NONE, 0)


@numba.njit(cache=True, nogil=True)
def _field(data: Bytes, position: int, wanted: int, wanted_kind: int) -> int:
    """Where the value of a struct's field begins."""
    number = 0
    while position != NONE:
        position, kind, number = _field_header(data, position, number)
        if kind == 0:
            return NONE
        if number == wanted:
            return position if kind == wanted_kind else NONE
        if kind > FALSE:
            position = _skip(data, position, kind)
    return NONE


@numba.njit(cache=True, nogil=True)
def _field_header(data: Bytes, position: int, before: int) -> tuple[int, int, int]:
    """Position behind the header, kind (0 at the end of the struct) and number of the field."""
    if position < 0 or position >= len(data):
        return NONE, 0, 0
    head = int(data[position])
    if head >> 4 or head == 0:
        return position + 1, head & 15, before + (head >> 4)
    position, number = _varint(data, position + 1)
    return position, head & 15, _unzigzag(number)


@numba.njit(cache=True, nogil=True)
def _list_header(data: Bytes, position: int) -> tuple[int, int, int]:
    """Position of the first element, kind and number of the elements."""
    if position < 0 or position >= len(data):
        return NONE, 0, 0
    kind, size = int(data[position]) & 15, int(data[position]) >> 4
    position += 1
    if size == 15:
        position, size = _varint(data, position)
    return position, kind, size


@numba.njit(cache=True, nogil=True)
def _skip(data: Bytes, position: int, kind: int) -> int:
    """Position behind a value; every turn but those that close something takes a byte or more."""
    kinds, left = np.zeros(MAX_DEPTH, np.int64), np.zeros(MAX_DEPTH, np.int64)
    kinds[0], left[0], depth = kind, 1, 0
    while depth >= 0 and position != NONE:
        if kinds[depth] == OPEN_STRUCT:
            position, kind, _ = _field_header(data, position, 0)
            if kind == 0:
                depth -= 1
            if kind <= FALSE:
                continue
        elif left[depth] == 0:
            depth -= 1
            continue
        else:
            left[depth] -= 1
            kind = kinds[depth]
        if kind not in (STRUCT, LIST, SET):
            position = _skip_plain(data, position, kind)
            continue
        depth += 1
        if depth == MAX_DEPTH:
            return NONE
        kinds[depth] = OPEN_STRUCT
        if kind != STRUCT:
            position, kinds[depth], left[depth] = _list_header(data, position)
    return position


@numba.njit(cache=True, nogil=True)
def _skip_plain(data: Bytes, position: int, kind: int) -> int:
    """Position behind a value that holds no others; maps do not occur in footers."""
    if kind in (I16, I32, I64):
        position, _ = _varint(data, position)
        return position
    if kind == BINARY:
        position, size = _varint(data, position)
    elif kind in (TRUE, FALSE, BYTE):
        size = 1
    elif kind == DOUBLE:
        size = 8
    elif kind == UUID:
        size = 16
    else:
        return NONE
    fits = position != NONE and 0 <= size <= len(data) - position
    return position + size if fits else NONE


@numba.njit(cache=True, nogil=True)
def _varint(data: Bytes, position: int) -> tuple[int, int]:
    """Position behind a number, and the number; nothing can be read at ``NONE``."""
    number = 0
    for shift in range(0, 63, 7):
        if position < 0 or position >= len(data):
            return NONE, 0
        byte = int(data[position])
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return position, number
    return NONE, 0


@numba.njit(cache=True, nogil=True)
def _unzigzag(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
