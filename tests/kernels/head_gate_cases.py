"""The case list that every form of ``head_gate`` is held against."""

from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.kernels.head_gate.bonus import Bonus
from tests.kernels.cases import Normal

EPS = 64e-5


@dataclass(frozen=True)
class Gated:
    """Rows of heads, with a bonus (RWKV-7) or without, and how their numbers are spread."""

    name: str
    shape: tuple[int, int, int] = (7, 3, 64)
    has_bonus: bool = True
    spread: float = 1.0
    shift: float = 0.0

    def __str__(self) -> str:
        return self.name


CASES = (
    Gated("with a bonus"),
    Gated("without a bonus", has_bonus=False),
    Gated("one row", (1, 2, 64)),
    Gated("no rows", (0, 2, 64)),
    Gated("small heads", (33, 5, 16)),
    Gated("odd head size", (9, 3, 25)),
    Gated("wide heads", (5, 2, 128)),
    Gated("heads of next to nothing", spread=1e-4),
    Gated("large heads", spread=1e4, has_bonus=False),
    Gated("far from zero", shift=30.0, has_bonus=False),
)


def inputs(case: Gated, seed: int = 0) -> dict[str, Tensor]:
    """Arguments in float64, short of ``bonus``."""
    normal, (rows, *heads) = Normal(seed), case.shape
    width = heads[0] * heads[1]
    return {
        "y_RHN": normal(rows, *heads) * case.spread + case.shift,
        "gate_RD": torch.sigmoid(normal(rows, width)),
        "weight_D": 1 + normal(width) / 4,
        "bias_D": normal(width) / 4,
    }


def bonus(case: Gated, seed: int = 1) -> Bonus | None:
    """What ``inputs`` lacks, in float64."""
    normal = Normal(seed)
    if not case.has_bonus:
        return None
    r, k, v = (normal(*case.shape) for _ in range(3))
    return Bonus(r, k, v, normal(*case.shape[1:]))


def cast(found: Bonus | None, dtype: torch.dtype) -> Bonus | None:
    return None if found is None else Bonus(*(x.to(dtype) for x in found))
