"""What a stretch of tokens becomes: one vector, the same however the tokens arrived."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.engine.embedding.sketch import sketch
from longriver.engine.errors import OrderError
from longriver.engine.saved import Arrays, whole
from longriver.engine.state import State
from longriver.kernels import dispatch

# k tokens · D width

Pooling = Literal["mean", "last", "weighted", "state"]
Doubles = npt.NDArray[np.float64]


def check_layer(layer: int, num_layers: int, pooling: Pooling, key: str = "layer") -> None:
    """Raises OrderError where a network with so many layers has nothing to pool there."""
    first = 1 if pooling == "state" else 0
    if layer not in (-1, *range(first, num_layers + 1)):
        last = "all of them" if pooling == "state" else "what the head sees"
        raise OrderError(
            f"{key}={layer}: the checkpoint has {num_layers} layers; "
            f"give {first} to {num_layers}, or -1 for {last}"
        )


class Pool:
    """Gathers consecutive tokens of one document; its size does not depend on their number.

    Args:
        pooling: the ``mean`` of the tokens' vectors, the ``last`` one, the mean ``weighted`` by
            position (1, 2, 3, …), or the recurrent ``state`` behind them.
        layer: of ``state``: whose, counted from 1; -1 is all.
    """

    def __init__(self, pooling: Pooling, layer: int) -> None:
        self.pooling, self.layer = pooling, layer
        self.num_tokens = 0
        self.sum_1D: Tensor | None = None

    def add(self, count: int, hidden_kD: Tensor | None) -> None:
        """Takes so many tokens, and their vectors where it is made of vectors."""
        if count and self.pooling != "state":
            assert hidden_kD is not None and len(hidden_kD) == count
            self._add(hidden_kD)
        self.num_tokens += count

    def vector(self, state: State | None) -> Doubles:
        """What has been gathered, [D]; there must have been a token.

        Args:
            state: of one slot, behind the last token, where it is made of that.
        """
        if self.pooling == "state":
            assert state is not None
            return sketch(state, self.layer)
        assert self.sum_1D is not None
        total: Doubles = self.sum_1D[0].cpu().numpy()
        n = self.num_tokens
        return total / {"mean": n, "weighted": n * (n + 1) / 2, "last": 1}[self.pooling]

    def save(self) -> Arrays:
        empty = np.empty((0, 0))
        total = empty if self.sum_1D is None else self.sum_1D.cpu().numpy()
        return {"num_tokens": whole(self.num_tokens), "sum": total}

    def restore(self, saved: Arrays) -> None:
        [self.num_tokens] = saved["num_tokens"].tolist()
        self.sum_1D = torch.from_numpy(saved["sum"]) if len(saved["sum"]) else None

    def _add(self, hidden_kD: Tensor) -> None:
        if self.pooling == "last":
            self.sum_1D = hidden_kD[-1:].double()
            return
        count, device = len(hidden_kD), hidden_kD.device
        if self.sum_1D is None:
            self.sum_1D = torch.zeros(1, hidden_kD.shape[1], dtype=torch.float64)
        self.sum_1D = self.sum_1D.to(device)
        pool = dispatch.pool(device.type, hidden_kD.dtype)
        pool(
            hidden_kD,
            self._weights(count).to(device),
            sum_SD=self.sum_1D,
            cu_seqlens=torch.tensor([0, count], dtype=torch.int32, device=device),
            slots=torch.zeros(1, dtype=torch.int32, device=device),
        )

    def _weights(self, count: int) -> Tensor:
        if self.pooling == "mean":
            return torch.ones(count, dtype=torch.float64)
        first = self.num_tokens + 1
        return torch.arange(first, first + count, dtype=torch.float64)
