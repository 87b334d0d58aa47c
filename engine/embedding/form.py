"""How a vector is handed out: how many numbers, how long, and of which type."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Precision = Literal["float32", "float16", "int8", "ubinary"]
Vector = npt.NDArray[Any]

INT8_MAX = 127


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
