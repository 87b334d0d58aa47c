"""Keeps the memory of loading near that of the weights: files are judged and let go in parts."""

import ctypes
import mmap
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

BLOCK = 1 << 20
"""Numbers that are looked at together."""

MADV_DONTNEED = 4
"""Pages of a file leave this process until they are asked for again; the system still caches them.
Of memory that is no file it would lose the content."""

MAPS = Path("/proc/self/maps")


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """``torch.stack``, which on ``meta`` tensors brings in seconds of compiler first."""
    out = tensors[0].new_empty(len(tensors), *tensors[0].shape)
    for place, tensor in enumerate(tensors):
        out[place] = tensor
    return out


def all_finite(x: Tensor) -> bool:
    """Whether a tensor holds no NaN and nothing infinite, without a mask of its size."""
    return all(bool(torch.isfinite(rows).all()) for rows in _blocks(x))


def converted(x: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor | None:
    """A contiguous tensor of another type or place, or None if it is not finite.

    What has been read of a mapped file is let go as it is copied. Where nothing has to change the
    result is ``x`` itself.
    """
    if x.dtype == dtype and x.device == device and x.is_contiguous():
        return x if all_finite(x) else None
    found, is_mapped = torch.empty(x.shape, dtype=dtype, device=device), is_file(x)
    for rows, copy in zip(_blocks(x), _blocks(found), strict=True):
        if not bool(torch.isfinite(rows).all()):
            return None
        copy.copy_(rows)
        if is_mapped:
            forget(rows)
    return found


def let_go(x: Tensor) -> None:
    """Takes what is mapped of a file out of this process's memory, until it is read again.

    It only saves memory: what is no file, gappy views, and systems other than Linux are left alone.
    """
    if is_file(x):
        forget(x)


def forget(x: Tensor) -> None:
    """The same for a tensor that is known to be mapped from a file: others would lose content."""
    page = mmap.PAGESIZE
    begin = -(-x.data_ptr() // page) * page
    end = (x.data_ptr() + x.numel() * x.element_size()) // page * page
    if x.is_contiguous() and begin < end:
        libc = ctypes.CDLL(None)
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), MADV_DONTNEED)


def is_file(x: Tensor) -> bool:
    """Whether a tensor on CPU is mapped from a file, as far as the system tells."""
    return mapping(x) is not None


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where a mapped tensor lies in its file.

    path:   as the system remembers it; by now another file may bear that name.
    offset: bytes before the tensor.
    """

    path: str
    inode: int
    offset: int


def mapping(x: Tensor) -> Mapping | None:
    """The file that a tensor on CPU is mapped from; None for memory, and where nobody tells."""
    if sys.platform != "linux" or x.device.type != "cpu" or not MAPS.exists():
        return None
    address = x.data_ptr()
    for line in MAPS.read_text().splitlines():
        span, _, offset, _, inode, *path = line.split(maxsplit=5)
        begin, end = (int(edge, 16) for edge in span.split("-"))
        if begin <= address < end:
            if inode == "0" or address + x.numel() * x.element_size() > end:
                return None
            return Mapping(path[0], int(inode), int(offset, 16) + address - begin)
    return None


def _blocks(x: Tensor) -> Sequence[Tensor]:
    if x.ndim == 0:
        return [x]
    return torch.split(x, max(1, BLOCK // max(1, x.numel() // max(1, len(x)))))
