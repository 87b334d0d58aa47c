"""How a vector is handed out: how many numbers, how long, and of which type."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from longriver.engine.errors import OrderError

Precision = Literal["float32", "float16", "int8", "ubinary"]
Vector = npt.NDArray[Any]

INT8_MAX = 127


def check_truncate_dim(
    truncate_dim: int | None, width: int, precision: Precision, key: str = "truncate_dim"
) -> None:
    """Raises OrderError where vectors of this width have not so many numbers, or no whole bytes."""
    if truncate_dim is None:
        return
    if truncate_dim not in range(1, width + 1):
        raise OrderError(
            f"{key}={truncate_dim}: the checkpoint's vectors have {width} numbers; "
            f"give 1 to {width}, or leave it out"
        )
    if precision == "ubinary" and truncate_dim % 8:
        raise OrderError(
            f"{key}={truncate_dim} with precision=ubinary: bits are packed eight to a byte; "
            "give a multiple of 8"
        )


@dataclass(frozen=True, slots=True)
class Form:
    """In this order: cut off, scaled to length 1, rounded; the names are sentence-transformers'.

    int8 scales every vector by its own largest number, so that it says nothing of others, and
    directions are what is kept. ``ubinary`` is a bit for each number, 1 where it is above 0, packed
    as ``numpy.packbits`` does.
    """

    truncate_dim: int | None = None
    normalize: bool = False
    precision: Precision = "float32"

    def length(self, width: int) -> int:
        """Numbers of a vector that comes from so many."""
        kept = width if self.truncate_dim is None else min(width, self.truncate_dim)
        return -(-kept // 8) if self.precision == "ubinary" else kept

    @property
    def number_type(self) -> str:
        return "uint8" if self.precision == "ubinary" else self.precision

    def of(self, vector_D: npt.NDArray[np.float64]) -> Vector:
        vector = vector_D[: self.truncate_dim]
        if self.normalize and (length := np.linalg.norm(vector)):
            vector = vector / length
        if self.precision == "ubinary":
            return np.packbits(vector > 0)
        if self.precision == "int8":
            largest = float(np.abs(vector).max()) or 1.0
            return np.rint(vector / largest * INT8_MAX).astype(np.int8)
        return vector.astype(np.float16 if self.precision == "float16" else np.float32)

    def nothing(self, width: int) -> Vector:
        """The vector of what has no token: all zeros."""
        return np.zeros(self.length(width), self.number_type)
