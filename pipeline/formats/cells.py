"""Arrow arrays read through their buffers: no copy, no UTF-8 check, no trust in offsets."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

Cell = memoryview | None
Offsets = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def is_text(kind: pa.DataType) -> bool:
    """Says whether ``cells`` can read arrays of this type."""
    if isinstance(kind, pa.BaseExtensionType):
        return is_text(kind.storage_type)
    if pt.is_dictionary(kind):
        return _is_plain(kind.value_type)
    if pt.is_null(kind):
        return True
    return _is_plain(kind) or bool(pt.is_string_view(kind) or pt.is_binary_view(kind))


def is_nameable(kind: pa.DataType) -> bool:
    """Says whether ``strings`` can read arrays of this type."""
    if is_text(kind):
        return True
    if pt.is_dictionary(kind):
        return is_nameable(kind.value_type)
    if not (pt.is_primitive(kind) or pt.is_decimal(kind)):
        return False
    zero = pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(bytes(32))])
    try:
        zero.cast(pa.string())
    except pa.ArrowException:  # an interval, or a time zone that is none
        return False
    return True


def cells(array: pa.Array) -> list[Cell]:
    """Returns the bytes of each value, as views into the array's own memory.

    Raises:
        pa.ArrowInvalid: the array's offsets or indices point outside it.
    """
    array.validate()
    if isinstance(array, pa.ExtensionArray):
        return cells(array.storage)
    if pt.is_null(array.type):
        return [None] * len(array)
    if pt.is_dictionary(array.type):
        return _dictionary_cells(array)
    if not _is_plain(array.type):
        array = _unviewed(array)
    size = np.dtype(np.int64 if _is_large(array.type) else np.int32)
    _, offsets_buffer, data_buffer = array.buffers()
    if len(array) == 0 or offsets_buffer is None:
        return [None] * len(array)
    first = array.offset * size.itemsize
    offsets: Offsets = np.frombuffer(offsets_buffer, size, len(array) + 1, first)
    data = memoryview(data_buffer if data_buffer is not None else b"").cast("B")
    _check_offsets(offsets, len(data))
    bounds = offsets.tolist()
    values: list[Cell] = [data[bounds[i] : bounds[i + 1]] for i in range(len(array))]
    return _with_nulls(values, array)


def strings(array: pa.Array) -> list[str | None]:
    """Returns each value as text, with U+FFFD where its bytes are not UTF-8."""
    if pt.is_dictionary(array.type) and not is_text(array.type):
        array = array.dictionary_decode()
    readable = array if is_text(array.type) else array.cast(pa.string())
    return [None if cell is None else str(cell, "utf-8", "replace") for cell in cells(readable)]


def list_bounds(array: pa.Array) -> tuple[pa.Array, list[tuple[int, int] | None]]:
    """Of an array of lists: what is in them, and where each one's begins and ends there.

    Raises:
        pa.ArrowInvalid: the array's offsets point outside it.
    """
    array.validate()
    if pt.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    if len(array) == 0:
        return array.values[:0], []
    offsets: Offsets = array.offsets.to_numpy()
    _check_offsets(offsets, len(array.values))
    begin, bounds = int(offsets[0]), (offsets - offsets[0]).tolist()
    values = array.values.slice(begin, bounds[-1])
    is_null = array.is_null().to_pylist()
    found = [None if is_null[i] else (bounds[i], bounds[i + 1]) for i in range(len(array))]
    return values, found


def _unviewed(array: pa.Array) -> pa.Array:
    array.view(pa.binary_view()).validate(full=True)
    return array.cast(pa.large_binary())


def _dictionary_cells(array: pa.DictionaryArray) -> list[Cell]:
    values = cells(array.dictionary)
    indices = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
    if array.null_count == len(array):
        return [None] * len(array)
    if indices.min() < 0 or indices.max() >= len(values):
        raise pa.ArrowInvalid("dictionary index out of bounds")
    return _with_nulls([values[index] for index in indices.tolist()], array.indices)


def _with_nulls(values: list[Cell], array: pa.Array) -> list[Cell]:
    if array.null_count:
        for index in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            values[index] = None
    return values


def _check_offsets(offsets: Offsets, num_bytes: int) -> None:
    if offsets[0] < 0 or offsets[-1] > num_bytes or np.any(offsets[1:] < offsets[:-1]):
        raise pa.ArrowInvalid("text offsets out of bounds")


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_binary(kind)) or _is_large(kind)


def _is_large(kind: pa.DataType) -> bool:
    return bool(pt.is_large_string(kind) or pt.is_large_binary(kind))
