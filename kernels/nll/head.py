"""The head's matrix, and how it is taken block by block."""

from collections.abc import Sequence

import torch
from torch import Tensor

from longriver.kernels.int8_linear.onednn import Int8Weight

# V vocabulary · D width


class Int8Head:
    """A [V, D] head as whole numbers, ``block`` rows at a time."""

    dtype, device = Int8Weight.dtype, Int8Weight.device

    def __init__(self, weight_VD: Tensor, block: int) -> None:
        self.blocks = tuple(map(Int8Weight, torch.split(weight_VD, block)))
        self.block = block

    def numel(self) -> int:
        return sum(block.numel() for block in self.blocks)


Head = Tensor | Int8Head


def row_blocks(head: Head, block: int) -> Sequence[Tensor | Int8Weight]:
    """So many rows of the head at a time."""
    if isinstance(head, Int8Head):
        assert block == head.block
        return head.blocks
    return torch.split(head, block)
