"""A step's input: one chunk for each busy slot, packed end to end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from longriver.engine.sequence import Chunk

# R rows, the packed tokens and a little padding · n segments


@dataclass(frozen=True, slots=True)
class Batch:
    """Packed tokens on the model's device; only token shift and WKV know where segments begin.

    tokens:      [R] int64, what the network reads.
    targets:     [R] int64, what it is scored on; 0 where there is nothing.
    cu_seqlens:  [n + 1] int32, where segments begin; rows behind the last one are padding.
    slots:       [n] int32, the slot of each segment.
    num_tokens:  rows that are tokens; the others are padding.
    """

    tokens: Tensor
    targets: Tensor
    cu_seqlens: Tensor
    slots: Tensor
    num_tokens: int


def pack(
    chunks: dict[int, Chunk],
    row_quantum: int,
    to_device: Callable[[np.ndarray[Any, Any]], Tensor],
) -> Batch:
    """Packs ``slot → chunk``, padded with rows of no segment to a multiple of ``row_quantum``."""
    lengths = [len(chunk.inputs) for chunk in chunks.values()]
    cu_seqlens = np.concatenate(([0], np.cumsum(lengths)))
    num_tokens = int(cu_seqlens[-1])
    rows = -(-num_tokens // row_quantum) * row_quantum
    tokens, targets = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    tokens[:num_tokens] = np.concatenate([chunk.inputs for chunk in chunks.values()])
    for first, chunk in zip(cu_seqlens[:-1], chunks.values(), strict=True):
        begin = first + chunk.num_context
        targets[begin : begin + len(chunk.tokens)] = chunk.tokens.ids

    return Batch(
        to_device(tokens),
        to_device(targets),
        to_device(cu_seqlens.astype(np.int32)),
        to_device(np.array(list(chunks), np.int32)),
        num_tokens,
    )
