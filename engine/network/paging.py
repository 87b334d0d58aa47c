"""Keeps the memory of loading near that of the weights: files are judged and let go in parts."""

import ctypes
import mmap
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK = 1 << 20
"""Numbers that are looked at together."""

MADV_PAGEOUT = 21
"""Linux 5.4: pages of a file leave this process until they are asked for again."""


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
    found = torch.empty(x.shape, dtype=dtype, device=device)
    for rows, copy in zip(_blocks(x), _blocks(found), strict=True):
        if not bool(torch.isfinite(rows).all()):
            return None
        copy.copy_(rows)
        let_go(rows)
    return found


def _blocks(x: Tensor) -> Sequence[Tensor]:
    if x.ndim == 0:
        return [x]
    return torch.split(x, max(1, BLOCK // max(1, x.numel() // max(1, len(x)))))


def let_go(x: Tensor) -> None:
    """Advises the system that a mapped tensor is not needed soon; its content stays what it is.

    It only saves memory: elsewhere than on Linux, and for gappy views, nothing happens.
    """
    if sys.platform != "linux" or not x.is_contiguous():
        return
    page = mmap.PAGESIZE
    begin = -(-x.data_ptr() // page) * page
    end = (x.data_ptr() + x.numel() * x.element_size()) // page * page
    if begin < end:
        libc = ctypes.CDLL(None)
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), MADV_PAGEOUT)
