"""What the case lists of all WKV ops share: how segments are packed, and how long they are."""

from dataclasses import dataclass

import torch
from torch import Tensor

PADDING = 3
"""Rows behind the last segment."""


@dataclass(frozen=True)
class Case:
    """Packed segments of these lengths, in these slots, with decays of one kind."""

    name: str
    lengths: tuple[int, ...]
    slots: tuple[int, ...]
    num_heads: int = 2
    head_size: int = 64
    decay: str = "typical"
    tolerance: float = 2e-6

    def __str__(self) -> str:
        return self.name

    @property
    def num_tokens(self) -> int:
        return sum(self.lengths)

    @property
    def rows(self) -> tuple[int, int, int]:
        return self.num_tokens + PADDING, self.num_heads, self.head_size

    @property
    def num_slots(self) -> int:
        return max(self.slots) + 2

    @property
    def slots_read(self) -> list[int]:
        return [slot for slot, length in zip(self.slots, self.lengths, strict=True) if length]

    @property
    def slots_idle(self) -> list[int]:
        return [slot for slot in range(self.num_slots) if slot not in self.slots_read]

    def packing(self) -> dict[str, Tensor]:
        return {
            "cu_seqlens": torch.tensor([0, *self.lengths]).cumsum(0).to(torch.int32),
            "slots": torch.tensor(self.slots, dtype=torch.int32),
        }


LAYOUTS = (
    Case("one token", (1,), (0,)),
    Case("around a span", (15, 16, 17, 31, 32, 33), (5, 3, 1, 0, 2, 4)),
    Case("zero lengths", (0, 3, 0, 40, 0), (4, 0, 2, 1, 3)),
    Case("no tokens", (0, 0), (1, 0)),
    Case("three small heads", (63, 2, 100), (1, 2, 0), num_heads=3, head_size=16),
    Case("odd head size", (9, 50), (1, 0), num_heads=3, head_size=25),
)


class Normal:
    """Normally distributed float64 numbers, the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=self.generator, dtype=torch.float64)


def cast(arguments: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {
        name: x.to(dtype, copy=True) if x.is_floating_point() else x.clone()
        for name, x in arguments.items()
    }


def exact(arguments: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rounded to what float32 holds, so that both number types read the same inputs."""
    return cast(cast(arguments, torch.float32), torch.float64)


def rows(arguments: dict[str, Tensor]) -> dict[str, Tensor]:
    """The arguments that have an entry for every packed row."""
    return {name: x for name, x in arguments.items() if name.endswith(("_RHN", "_RD"))}


def only(arguments: dict[str, Tensor], begin: int, end: int, slot: int) -> dict[str, Tensor]:
    """The same arguments, state shared, for the rows of one segment or a part of it."""
    parts = {name: x[begin:end] for name, x in rows(arguments).items()}
    packing = Case("part", (end - begin,), (slot,)).packing()
    return arguments | parts | packing
