"""What goes to the device and comes back: on a GPU nobody waits for it before it is needed."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor


class Transfer(Protocol):
    """How the inputs of steps get to a device, and back what they found out.

    depth: steps that may be at work on the device while results of the one before are handed out.
    """

    @property
    def depth(self) -> int: ...

    def queue(self) -> AbstractContextManager[object]:
        """Whatever is asked of the device within comes behind all that was asked before."""
        ...

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        """The array on the device, for what is asked behind it; the array is not to be changed."""
        ...

    def to_host(self, x: Tensor) -> Tensor:
        """On the CPU; its numbers are there when a later ``mark`` has been waited for."""
        ...

    def mark(self) -> Callable[[], object]:
        """Returns what waits until all that was queued so far is done."""
        ...


class CpuTransfer:
    """The CPU is the device itself: nothing is moved, and what was asked for is done."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth

    def queue(self) -> AbstractContextManager[object]:
        return nullcontext()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array)

    def to_host(self, x: Tensor) -> Tensor:
        return x

    def mark(self) -> Callable[[], object]:
        return lambda: None


class CudaTransfer:
    """Steps have a stream of their own, which whoever works on their results does not wait for.

    That stream waits for the caller's whenever something is queued: results and states are not
    overwritten, and their memory is not used again, before the caller's work on them is done.
    Copies go through pinned memory, which torch does not hand out again before they are made.
    """

    def __init__(self, device: torch.device, depth: int = 1) -> None:
        self.device, self.depth = device, depth
        self.stream = torch.cuda.Stream(device)

    def queue(self) -> AbstractContextManager[object]:
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        return torch.cuda.stream(self.stream)

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        array_cpu = torch.from_numpy(array).pin_memory()
        return array_cpu.to(self.device, non_blocking=True)

    def to_host(self, x: Tensor) -> Tensor:
        x_cpu = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
        return x_cpu.copy_(x, non_blocking=True)

    def mark(self) -> Callable[[], object]:
        copy_done = torch.cuda.Event()
        copy_done.record(self.stream)
        return copy_done.synchronize


def for_device(device: torch.device) -> Transfer:
    """The transfer between the host and a device."""
    return CudaTransfer(device) if device.type == "cuda" else CpuTransfer()
