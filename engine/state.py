"""What the network remembers of every open document: a float32 value that the caller owns."""

from dataclasses import dataclass

import torch
from torch import Tensor

# L layers · S slots · D width · H heads · K keys, V values of a head


@dataclass(frozen=True, slots=True)
class State:
    """The recurrent state of all slots.

    shift: [L, 2, S, D], the last normed input of each layer's time mix and channel mix.
    wkv:   [L, S, H, K, V], the matrix of each head.
    """

    shift: Tensor
    wkv: Tensor

    @staticmethod
    def zeros(
        num_layers: int,
        num_slots: int,
        num_heads: int,
        head_size: int,
        device: torch.device | str = "cpu",
    ) -> "State":
        """The state before the first token of every slot."""
        width = num_heads * head_size
        return State(
            torch.zeros(num_layers, 2, num_slots, width, device=device),
            torch.zeros(num_layers, num_slots, num_heads, head_size, head_size, device=device),
        )

    def clear(self, slot: int) -> None:
        """Forgets what a slot has read."""
        self.shift[:, :, slot] = 0
        self.wkv[:, slot] = 0
