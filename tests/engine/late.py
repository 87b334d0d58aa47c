"""A transfer that is as late as a GPU's, on the CPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor


class LateTransfer:
    """Numbers are on the host only when they have been waited for: NaN and False before.

    num_marked: steps that have been launched.
    num_waited: steps that have been waited for.
    """

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth
        self.num_marked = self.num_waited = 0
        self._copies: list[tuple[Tensor, Tensor]] = []

    def queue(self) -> AbstractContextManager[object]:
        return nullcontext()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array)

    def to_host(self, x: Tensor) -> Tensor:
        x_cpu = torch.full_like(x, torch.nan if x.is_floating_point() else 0)
        self._copies.append((x_cpu, x))
        return x_cpu

    def mark(self) -> Callable[[], object]:
        copies, self._copies = self._copies, []
        self.num_marked += 1

        def wait() -> None:
            self.num_waited += 1
            with torch.inference_mode():
                for x_cpu, x in copies:
                    x_cpu.copy_(x)

        return wait
