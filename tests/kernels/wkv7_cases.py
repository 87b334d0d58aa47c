"""The case list that every WKV-7 implementation is held against."""

from dataclasses import dataclass

import torch
from torch import Tensor

STRONGEST_DECAY = -0.6065306597126334


@dataclass(frozen=True)
class Case:
    """Packed segments of these lengths, in these slots, with decays of one kind."""

    name: str
    lengths: tuple[int, ...]
    slots: tuple[int, ...]
    num_heads: int = 2
    head_size: int = 64
    decay: str = "typical"

    def __str__(self) -> str:
        return self.name


CASES = (
    Case("one token", (1,), (0,)),
    Case("around a span", (15, 16, 17, 31, 32, 33), (5, 3, 1, 0, 2, 4)),
    Case("zero lengths", (0, 3, 0, 40, 0), (4, 0, 2, 1, 3)),
    Case("three small heads", (63, 2, 100), (1, 2, 0), num_heads=3, head_size=16),
    Case("odd head size", (9, 50), (1, 0), num_heads=1, head_size=20),
    Case("strongest decay", (130, 7), (0, 1), decay="strongest"),
    Case("almost no decay", (130, 7), (0, 1), decay="weak"),
)


def inputs(case: Case, *, padding: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """Float64 arguments of ``wkv7``, with rows of padding behind the last segment."""
    generator = torch.Generator().manual_seed(seed)
    rows = sum(case.lengths) + padding
    shape = (rows, case.num_heads, case.head_size)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64)

    kk = torch.nn.functional.normalize(normal(*shape), dim=-1)
    scale = {"typical": torch.rand(shape, generator=generator), "strongest": 1.0, "weak": 1e-4}
    size = case.head_size
    return {
        "r_RHN": normal(*shape),
        "w_log_RHN": STRONGEST_DECAY * scale[case.decay] * torch.ones(shape, dtype=torch.float64),
        "k_RHN": normal(*shape),
        "v_RHN": normal(*shape),
        "a_RHN": -kk,
        "b_RHN": kk * torch.sigmoid(normal(*shape)),
        "state_SHKV": normal(max(case.slots) + 2, case.num_heads, size, size),
        "cu_seqlens": torch.tensor([0, *case.lengths]).cumsum(0).to(torch.int32),
        "slots": torch.tensor(case.slots, dtype=torch.int32),
    }


def cast(arguments: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {
        name: x.to(dtype) if x.is_floating_point() else x.clone() for name, x in arguments.items()
    }
