"""Intervals by resampling documents: a Poisson bootstrap in one pass, the same to the bit always.

Every document counts k times in a resample, k being Poisson of mean 1, which for many documents is
drawing as many of them with replacement (Hanley and MacGibbon 2006). What is drawn depends on a
document's place in the run alone, so neither batches nor workers have a part in it.
"""

import math
from collections import Counter

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Interval = tuple[float, float]

BLOCK = 256
"""Documents that draw together."""

LEVELS = (2.5, 97.5)
"""Percentiles: a 95 % interval."""

SEED = 0
STEPS = 1 << 16


def _counts_by_draw() -> npt.NDArray[np.uint8]:
    """How often a document counts, for every 16 bits that can be drawn."""
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(9)])
    return np.searchsorted(below, (np.arange(STEPS) + 0.5) / STEPS).astype(np.uint8)


COUNTS = _counts_by_draw()


class Resamples:
    """Sums over resampled documents, of several columns and for several groups at once.

    sums:          by group, [num_columns, num_resamples].
    num_documents: by group, of those that have something to add.
    """

    def __init__(self, num_resamples: int, num_columns: int) -> None:
        self.num_resamples, self.num_columns = num_resamples, num_columns
        self.sums: dict[int, Floats] = {}
        self.num_documents: Counter[int] = Counter()
        self._num_blocks = 0
        self._rows: Floats = np.empty((0, num_columns))
        self._groups: Ints = np.empty(0, np.int64)

    def add(self, rows: Floats, groups: Ints) -> None:
        """Takes the next documents [n, num_columns] of the run, and the group of each."""
        self._rows = np.concatenate([self._rows, rows])
        self._groups = np.concatenate([self._groups, groups])
        while len(self._rows) >= BLOCK:
            self._take(BLOCK)

    def close(self) -> None:
        """There are no more documents."""
        self._take(len(self._rows))

    def interval(self, group: int, numerator: int, denominator: int) -> Interval | None:
        """Percentiles of a ratio of two columns' sums; None where nothing can be divided."""
        if self.num_documents[group] < 2:
            return None
        sums = self.sums[group]
        able = sums[denominator] > 0
        if not able.any():
            return None
        low, high = np.percentile(sums[numerator][able] / sums[denominator][able], LEVELS)
        return float(low), float(high)

    def _take(self, count: int) -> None:
        rows, groups = self._rows[:count], self._groups[:count]
        self._rows, self._groups = self._rows[count:], self._groups[count:]
        times = counts_of(self._num_blocks, self.num_resamples)[:count]
        self._num_blocks += 1
        for group in np.unique(groups):
            mine = groups == group
            self._add(int(group), rows[mine], times[mine])

    def _add(self, group: int, rows: Floats, times: npt.NDArray[np.uint8]) -> None:
        if group not in self.sums:
            self.sums[group] = np.zeros((self.num_columns, self.num_resamples))
        self.num_documents[group] += int(rows.any(axis=1).sum())
        for column, values in enumerate(rows.T):
            # numpy's own sums, whose order does not depend on threads as a library's may
            self.sums[group][column] += (times * values[:, None]).sum(axis=0)


def counts_of(block: int, num_resamples: int) -> npt.NDArray[np.uint8]:
    """How often each document of a block counts in each resample, [BLOCK, num_resamples]."""
    draw = np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 0, block]))
    drawn = draw.integers(0, STEPS, (BLOCK, num_resamples), np.uint16)
    counts: npt.NDArray[np.uint8] = COUNTS[drawn]
    return counts
