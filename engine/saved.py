"""What can be put aside and taken up again: numbers and bytes as named arrays, exact to the bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

Arrays = Mapping[str, npt.NDArray[Any]]


def inside(room: str, arrays: Arrays) -> Arrays:
    """The arrays under names that begin with ``room.``."""
    return {f"{room}.{name}": array for name, array in arrays.items()}


def taken_from(arrays: Arrays, room: str) -> Arrays:
    """What ``inside`` put there, and nothing else."""
    prefix = f"{room}."
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def of_bytes(data: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def whole(*numbers: int) -> npt.NDArray[np.int64]:
    return np.array(numbers, np.int64)


def packed(arrays: Arrays) -> bytes:
    """All arrays as one file of the safetensors format."""
    return save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpacked(data: bytes) -> Arrays:
    """What ``packed`` made the bytes of; the arrays can be written to.

    Raises:
        ValueError: no such file.
    """
    try:
        return {name: array.copy() for name, array in load_arrays(data).items()}
    except SafetensorError as error:
        raise ValueError(f"no safetensors file: {error}") from None
