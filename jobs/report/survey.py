"""What one pass over a table keeps: extremes, spreads, sums by octave, none of which grows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_TOKENS = 32
"""A stretch with fewer is no surprise, whatever it costs, as long as there are longer ones."""

MIN_COLUMNS, MAX_COLUMNS = 10, 40
TAIL = 0.005
"""The part of all values, at either end, that the first and the last column take in."""


@dataclass(frozen=True, slots=True, order=True)
class Extreme:
    """A row with an extreme value.

    rank:  what rows are ordered by; the least come first.
    row:   its number in the table.
    first: the first of the rows that belong to it in a table of segments.
    """

    rank: float
    row: int
    first: int


class Extremes:
    """The rows with the highest and those with the lowest values; of equals, the earlier ones."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.high: list[Extreme] = []
        self.low: list[Extreme] = []

    def add(self, values: Floats, rows: Ints, firsts: Ints) -> None:
        self.high = self._merged(self.high, -values, rows, firsts)
        self.low = self._merged(self.low, values, rows, firsts)

    def both(self) -> tuple[list[Extreme], list[Extreme]]:
        """The highest, and the lowest that are not among them."""
        high = {each.row for each in self.high}
        return self.high, [each for each in self.low if each.row not in high]

    def _merged(
        self, old: Sequence[Extreme], ranks: Floats, rows: Ints, firsts: Ints
    ) -> list[Extreme]:
        chosen = np.lexsort((rows, ranks))[: self.size]
        found = zip(
            ranks[chosen].tolist(), rows[chosen].tolist(), firsts[chosen].tolist(), strict=True
        )
        return sorted([*old, *(Extreme(*each) for each in found)])[: self.size]


class LongExtremes:
    """Extremes among what has ``MIN_TOKENS``; among all, where nothing has."""

    def __init__(self, size: int) -> None:
        self.all, self.long = Extremes(size), Extremes(size)

    def add(self, values: Floats, num_tokens: Ints, rows: Ints, firsts: Ints) -> None:
        able = np.isfinite(values)
        for extremes, kept in ((self.all, able), (self.long, able & (num_tokens >= MIN_TOKENS))):
            extremes.add(values[kept], rows[kept], firsts[kept])

    @property
    def is_long(self) -> bool:
        return bool(self.long.high)

    def both(self) -> tuple[list[Extreme], list[Extreme]]:
        return (self.long if self.is_long else self.all).both()


@dataclass(slots=True)
class Spread:
    """How often values from 0 to ``step * size`` come, in steps; what is beyond counts last."""

    step: float = 0.01
    size: int = 4000
    counts: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.size, np.int64)

    def add(self, values: Floats) -> None:
        able = values[np.isfinite(values)]
        places = np.clip(able / self.step, 0, self.size - 1).astype(np.int64)
        self.counts += np.bincount(places, minlength=self.size)

    def columns(self) -> tuple[list[float], list[int]]:
        """Edges and counts of at most ``MAX_COLUMNS`` equal columns; the tails are in the last."""
        total = np.cumsum(self.counts)
        low, high = (int(np.searchsorted(total, total[-1] * q)) for q in (TAIL, 1 - TAIL))
        number = min(max(2 * math.sqrt(total[-1]), MIN_COLUMNS), MAX_COLUMNS)
        width = _round_width((high - low + 1) / number)
        first, end = low // width, high // width + 1
        inner = np.clip(np.arange(self.size) // width, first, end - 1) - first
        counts = np.bincount(inner, weights=self.counts, minlength=end - first)
        edges = [(first + i) * width * self.step for i in range(end - first + 1)]
        return edges, [int(count) for count in counts]


@dataclass(slots=True)
class Octaves:
    """Sums by a number, two or more buckets each time that it doubles.

    per_octave: buckets in which a number doubles.
    sums: of every bucket: how many, and whatever ``add`` was given. [k, columns]
    """

    per_octave: int
    num_columns: int
    sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((0, self.num_columns))

    def add(self, numbers: Floats, columns: Floats) -> Ints:
        """Takes columns [n, num_columns]; returns the bucket of each."""
        octaves = np.log2(np.maximum(numbers, 1))
        buckets: Ints = np.floor(octaves * self.per_octave).astype(np.int64)
        missing = int(buckets.max(initial=-1)) + 1 - len(self.sums)
        if missing > 0:
            self.sums = np.concatenate([self.sums, np.zeros((missing, self.num_columns))])
        np.add.at(self.sums, buckets, columns)
        return buckets


def quantiles(counts: Ints, step: float, parts: Sequence[float]) -> list[float]:
    """Of values that were counted in steps, the middle of the step that each part of them ends."""
    total = np.cumsum(counts)
    return [(int(np.searchsorted(total, total[-1] * part)) + 0.5) * step for part in parts]


def sample_rows(num_rows: int, size: int) -> list[int]:
    """Rows in equal distances, all of them where they are few."""
    return list(range(0, num_rows, max(math.ceil(num_rows / size), 1)))


def _round_width(rough: float) -> int:
    power = int(10 ** math.floor(math.log10(max(rough, 1))))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
