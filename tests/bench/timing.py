"""Rounds: every measurement lies between two looks at the machine's matrix-product rate."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from longriver.kernels.linear.float32_cpu import linear

ROWS, INNER, OUTER = 512, 768, 3072
"""The matrix product of the roofline: a step through a layer of width 768."""


class Compared(StrEnum):
    """What a work's ratio to the first of its group says; the first is ours, a long text."""

    TO_FIRST = "of the first"
    PEER = "ours / this"
    PART = "of its time"


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be timed.

    run:      does it once more and says how many tokens it read; is told the number of the round.
    flops:    floating-point operations a token; None where they are not what it is about.
    """

    name: str
    run: Callable[[int], int]
    flops: float | None = None
    compared: Compared = Compared.TO_FIRST


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of a work.

    cpu_s: CPU time of this process, which a busy machine disturbs less than ``wall_s``.
    roof:  flop/s of the matrix product, the mean of just before and just after.
    """

    count: int
    cpu_s: float
    wall_s: float
    roof: float

    @property
    def rate(self) -> float:
        return self.count / self.cpu_s


class Roofline:
    """The rate of float32 matrix products on this process's threads, by the faster library."""

    def __init__(self, num_products: int) -> None:
        self.num_products = num_products
        self.rows, self.weight = torch.randn(ROWS, INNER), torch.randn(OUTER, INNER)
        self()

    def __call__(self) -> float:
        """Returns flop/s, by CPU time."""
        began_s = time.process_time()
        for _ in range(self.num_products):
            linear(self.rows, self.weight)
        seconds = time.process_time() - began_s
        return self.num_products * 2 * ROWS * INNER * OUTER / seconds


def interleaved(
    works: Sequence[Work], num_rounds: int, roof: Callable[[], float]
) -> Iterator[list[Sample]]:
    """A sample of each work, round by round; a round does all works one after the other."""
    before = roof()
    for number in range(num_rounds):
        samples = []
        for work in works:
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            count = work.run(number)
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
            after = roof()
            samples.append(Sample(count, cpu_s, wall_s, (before + after) / 2))
            before = after
        yield samples


def rate(samples: Sequence[Sample]) -> float:
    """Tokens a second of CPU time, the median round."""
    return statistics.median(sample.rate for sample in samples)


def fraction(samples: Sequence[Sample], flops: float) -> float:
    """Of the roofline beside it, the median round."""
    return statistics.median(sample.rate * flops / sample.roof for sample in samples)


def ratio(samples: Sequence[Sample], first: Sequence[Sample], compared: Compared) -> float:
    """Of the rates of the same round, the median round."""
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(samples, first, strict=True)]
    if compared != Compared.TO_FIRST:
        ratios = [1 / value for value in ratios]
    return statistics.median(ratios)
