"""PyPI `rwkv` as an oracle that we did not build anything from, and the network in small steps."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longriver.engine.batch import pack
from longriver.engine.network import Network, forward
from longriver.engine.sequence import Chunk
from longriver.engine.state import State
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.version import Version
from tests.pypi_rwkv import rwkv_package, silence

ROW_QUANTUM = 16


class Oracle:
    """A checkpoint in PyPI `rwkv`, on CPU in float32."""

    def __init__(self, path: Path, version: Version) -> None:
        package = rwkv_package(version, has_script=False)
        with silence():
            self.model: Any = package.RWKV(str(path.with_suffix("")), "cpu fp32")

    def logits(
        self, ids: Sequence[int], state: list[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """What follows each of ``ids`` [n, V], and the state behind them."""
        found, state = self.model.forward(list(ids), state, full_output=True)
        return found.view(len(ids), -1).float(), state

    def one_by_one(self, ids: Sequence[int]) -> Tensor:
        """The same [n, V] through the path that reads one token at a time."""
        state, rows = None, []
        for token in ids:
            row, state = self.model.forward([token], state)
            rows.append(row.view(1, -1).float().clone())
        return torch.cat(rows)

    def nll(self, ids: Sequence[int]) -> Tensor:
        """Nats of every id [n], the first one behind the prefix token 0."""
        logits, _ = self.logits([0, *ids[:-1]])
        return torch.nn.functional.cross_entropy(logits, torch.tensor(ids), reduction="none")


@torch.inference_mode()
def read_logits(
    network: Network, ids: Sequence[int], cuts: Sequence[int] = (), state: State | None = None
) -> tuple[Tensor, State]:
    """What follows each of ``ids`` [n, V] when they are read in pieces, and the state behind."""
    state = (state or network.blank).clone()
    rows = []
    for begin, end in itertools.pairwise([0, *cuts, len(ids)]):
        piece = np.array(ids[begin:end], np.int32)
        tokens = Tokens(piece, np.arange(len(piece)))
        chunk = Chunk(piece, tokens, tokens, is_last=False)
        read = forward(network, pack({0: chunk}, ROW_QUANTUM, torch.from_numpy), state)
        hidden, state = read.normed, read.state
        rows.append(hidden[: len(piece)].float() @ network.head.float().T)
    return torch.cat(rows), state
