"""Two runs compared: the difference on the same documents, and how sure of it one can be."""

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from longriver.jobs.bootstrap import BLOCK, Resamples
from longriver.jobs.positions import first_token
from longriver.pipeline.pairs import Group, Scored
from longriver.pipeline.summary import MAX_GROUPS

NUM_EXTREMES = 10
"""Documents that are named on either side."""

Extreme = tuple[float, int, str, float, float]
"""By how much B is worse in bits per byte, the document's number, its id, and what A and B need."""


@dataclass(slots=True)
class Sums:
    """Of a set of documents: nats by A and by B, bytes, and at how many A is better."""

    num_documents: int = 0
    nats_a: float = 0.0
    nats_b: float = 0.0
    num_bytes: int = 0
    num_a_better: int = 0
    num_b_better: int = 0

    def add(self, a: Scored, b: Scored) -> None:
        self.num_documents += 1
        self.nats_a += a.nll
        self.nats_b += b.nll
        self.num_bytes += a.num_bytes
        self.num_a_better += a.nll < b.nll
        self.num_b_better += b.nll < a.nll

    def record(self, interval: tuple[float, float] | None) -> dict[str, object]:
        bits = math.log(2) * self.num_bytes
        share = self.num_documents or 1
        return {
            "num_documents": self.num_documents,
            "bits_per_byte_a": self.nats_a / bits if bits else None,
            "bits_per_byte_b": self.nats_b / bits if bits else None,
            "difference": (self.nats_b - self.nats_a) / bits if bits else None,
            "difference_95": interval and [bound / math.log(2) for bound in interval],
            "share_a_better": self.num_a_better / share,
            "share_b_better": self.num_b_better / share,
        }


@dataclass(slots=True)
class Comparison:
    """Adds up pairs of documents; memory does not grow with them.

    Args:
        has_positions: both runs have sums by position, of the same tokens.
    """

    num_resamples: int
    has_positions: bool
    corpus: Sums = field(default_factory=Sums)
    groups: dict[Group, Sums] = field(default_factory=dict)
    numbers: dict[Group, int] = field(default_factory=dict)
    positions: dict[int, list[float]] = field(default_factory=dict)
    better: list[Extreme] = field(default_factory=list)
    worse: list[Extreme] = field(default_factory=list)
    resamples: Resamples = field(init=False)
    by_group: Resamples = field(init=False)

    def __post_init__(self) -> None:
        self.resamples = Resamples(self.num_resamples, num_columns=2)
        self.by_group = Resamples(self.num_resamples, num_columns=2)

    def take(self, pairs: Iterable[tuple[Scored, Scored]]) -> None:
        """Takes all pairs there are."""
        coming = iter(pairs)
        while some := list(itertools.islice(coming, BLOCK)):
            rows = np.array([[b.nll - a.nll, a.num_bytes] for a, b in some])
            self.resamples.add(rows, np.zeros(len(some), np.int64))
            for a, b in some:
                self._add(a, b)
            if some[0][0].group:
                groups = [self.numbers.get(a.group, MAX_GROUPS) for a, _ in some]
                self.by_group.add(rows, np.array(groups))
        self.resamples.close()
        self.by_group.close()

    def record(self, group_columns: tuple[str, ...]) -> Mapping[str, object]:
        """For JSON; a difference above 0 says that A needs fewer bits."""
        return {
            **self.corpus.record(self.resamples.interval(0, 0, 1)),
            "groups": [
                {
                    "group": dict(zip(group_columns, key, strict=True)),
                    **sums.record(self.by_group.interval(self.numbers[key], 0, 1)),
                }
                for key, sums in self.groups.items()
                if key
            ],
            "by_position": [self._position(bucket) for bucket in sorted(self.positions)],
            "a_better": [_named(each) for each in sorted(self.better, reverse=True)],
            "b_better": [_named(each) for each in sorted(self.worse)],
        }

    def _add(self, a: Scored, b: Scored) -> None:
        number = self.corpus.num_documents
        self.corpus.add(a, b)
        if a.group in self.numbers or len(self.numbers) < MAX_GROUPS:
            self.numbers.setdefault(a.group, len(self.numbers))
            self.groups.setdefault(a.group, Sums()).add(a, b)
        if self.has_positions:
            self._add_positions(a, b)
        if a.num_bytes:
            self._note(a, b, number)

    def _add_positions(self, a: Scored, b: Scored) -> None:
        rows = zip(a.position_nll, b.position_nll, a.position_tokens, strict=True)
        for bucket, numbers in enumerate(rows):
            sums = self.positions.setdefault(bucket, [0.0, 0.0, 0])
            self.positions[bucket] = [x + y for x, y in zip(sums, numbers, strict=True)]

    def _position(self, bucket: int) -> dict[str, object]:
        nats_a, nats_b, num_tokens = self.positions[bucket]
        return {
            "first_token": first_token(bucket),
            "last_token": first_token(bucket + 1) - 1,
            "num_tokens": num_tokens,
            "nll_per_token_a": nats_a / num_tokens,
            "nll_per_token_b": nats_b / num_tokens,
        }

    def _note(self, a: Scored, b: Scored, number: int) -> None:
        """Keeps the documents that differ most, on either side."""
        bits = math.log(2) * a.num_bytes
        by = (b.nll - a.nll) / bits
        found = (by, number, a.document_id, a.nll / bits, b.nll / bits)
        if by > 0:
            self.better = heapq.nlargest(NUM_EXTREMES, [*self.better, found])
        elif by < 0:
            self.worse = heapq.nsmallest(NUM_EXTREMES, [*self.worse, found])


def _named(extreme: Extreme) -> dict[str, object]:
    by, _, document_id, bits_a, bits_b = extreme
    return {
        "document_id": document_id,
        "bits_per_byte_a": bits_a,
        "bits_per_byte_b": bits_b,
        "difference": by,
    }
