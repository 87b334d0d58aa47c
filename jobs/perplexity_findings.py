"""What a perplexity run says of its corpus beyond sums: means, intervals, positions, lengths."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from longriver.jobs.bootstrap import Resamples
from longriver.jobs.perplexity import PERPLEXITY
from longriver.jobs.positions import first_token
from longriver.pipeline.columns import Lists, Values, columns_of
from longriver.pipeline.figures import ratio
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import MAX_GROUPS, Finding

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GroupKey = tuple[str | None, ...]

NUMBERS = ("nll", "num_bytes", "num_tokens")
NATS, BYTES, TOKENS = range(3)
LISTS = ("position_nll", "position_tokens")


@dataclass(slots=True)
class Buckets:
    """Sums by a number that doubles from bucket to bucket."""

    num_documents: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    nats: Floats = field(default_factory=lambda: np.zeros(0))
    num_tokens: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, buckets: Ints, nats: Floats, num_tokens: Ints) -> None:
        """One row after the other, so that sums are the same however rows are batched."""
        size = max(len(self.nats), int(buckets.max(initial=-1)) + 1)
        room = np.zeros(size - len(self.nats), np.int64)
        self.num_documents = np.concatenate([self.num_documents, room])
        self.nats = np.concatenate([self.nats, room.astype(np.float64)])
        self.num_tokens = np.concatenate([self.num_tokens, room])
        np.add.at(self.num_documents, buckets, 1)
        np.add.at(self.nats, buckets, nats)
        np.add.at(self.num_tokens, buckets, num_tokens)

    def records(self, unit: str) -> list[dict[str, object]]:
        """For JSON: from which to which, the last one included, and what is there."""
        rows = zip(
            self.num_documents.tolist(), self.nats.tolist(), self.num_tokens.tolist(), strict=True
        )
        return [
            {
                f"first_{unit}": first_token(bucket),
                f"last_{unit}": first_token(bucket + 1) - 1,
                "num_documents": num_documents,
                "num_tokens": num_tokens,
                "nll": nats,
                "nll_per_token": nats / num_tokens,
            }
            for bucket, (num_documents, nats, num_tokens) in enumerate(rows)
            if num_tokens
        ]


class Means:
    """Of a set of documents: the mean of their bits per byte, and the interval of the corpus's."""

    def __init__(self, num_resamples: int) -> None:
        self.resamples = Resamples(num_resamples, num_columns=2)
        self.sums: dict[int, float] = {}
        self.counts: Counter[int] = Counter()

    def add(self, numbers: Floats, groups: Ints) -> None:
        """Takes documents [n, 3] and the group of each."""
        self.resamples.add(numbers[:, [NATS, BYTES]], groups)
        able = numbers[:, BYTES] > 0
        bits = numbers[able, NATS] / (math.log(2) * numbers[able, BYTES])
        for group, value in zip(groups[able].tolist(), bits.tolist(), strict=True):
            self.sums[group] = self.sums.get(group, 0.0) + value
            self.counts[group] += 1

    def record(self, group: int) -> dict[str, object]:
        count = self.counts[group]
        found = self.resamples.interval(group, NATS, BYTES)
        interval = None if found is None else [bound / math.log(2) for bound in found]
        return {
            "bits_per_byte_macro": self.sums[group] / count if count else None,
            "bits_per_byte_95": interval,
        }


class Books:
    """Adds up a run's documents, which come in their order."""

    def __init__(self, num_resamples: int) -> None:
        self.groups: dict[GroupKey, int] = {}
        self.corpus, self.by_group = Means(num_resamples), Means(num_resamples)
        self.positions, self.lengths = Buckets(), Buckets()

    def add(self, numbers: Floats, positions: tuple[Lists, Lists], keys: list[GroupKey]) -> None:
        """Takes documents.

        Args:
            numbers: [n, 3], see ``NUMBERS``.
            positions: nats and tokens by position.
            keys: the group of each; none where there are no group columns.
        """
        self.corpus.add(numbers, np.zeros(len(numbers), np.int64))
        if keys:
            self.by_group.add(numbers, np.array([self._group(key) for key in keys], np.int64))
        self._add_positions(*positions)
        self._add_lengths(numbers)

    def close(self) -> None:
        self.corpus.resamples.close()
        self.by_group.resamples.close()

    def _group(self, key: GroupKey) -> int:
        """Groups behind the first ``MAX_GROUPS`` count as one."""
        if key not in self.groups and len(self.groups) < MAX_GROUPS:
            self.groups[key] = len(self.groups)
        return self.groups.get(key, MAX_GROUPS)

    def _add_positions(self, nats: Lists, num_tokens: Lists) -> None:
        begins = np.repeat(np.cumsum(nats.lengths) - nats.lengths, nats.lengths)
        self.positions.add(np.arange(len(nats.values)) - begins, nats.values, num_tokens.values)

    def _add_lengths(self, numbers: Floats) -> None:
        some = numbers[numbers[:, TOKENS] > 0]
        num_tokens = some[:, TOKENS].astype(np.int64)
        self.lengths.add(np.frexp(num_tokens)[1].astype(np.int64) - 1, some[:, NATS], num_tokens)


def findings(folder: RunFolder, group_columns: tuple[str, ...], num_resamples: int) -> Finding:
    """Reads the table ``perplexity`` once, in document order; memory does not grow with it."""
    books = Books(num_resamples)
    names = (*NUMBERS, *LISTS, *group_columns)
    for nats, num_bytes, num_tokens, *rest in columns_of(folder, PERPLEXITY, names):
        numbers = np.stack([np.asarray(each, np.float64) for each in (nats, num_bytes, num_tokens)])
        at, tokens_at, *groups = rest
        assert isinstance(at, Lists) and isinstance(tokens_at, Lists)
        books.add(numbers.T, (at, tokens_at), _keys(groups))
    books.close()
    return Finding(_record(books, group_columns), _lines(books))


def _keys(groups: Sequence[Values]) -> list[GroupKey]:
    texts = [group for group in groups if isinstance(group, list)]
    return list(zip(*texts, strict=True))


def _record(books: Books, columns: tuple[str, ...]) -> Mapping[str, object]:
    return {
        **books.corpus.record(0),
        "groups": [
            {"group": dict(zip(columns, key, strict=True)), **books.by_group.record(group)}
            for key, group in books.groups.items()
        ],
        "by_position": books.positions.records("token"),
        "by_length": books.lengths.records("length"),
    }


def _lines(books: Books) -> tuple[tuple[str, str, str], ...]:
    record = books.corpus.record(0)
    macro, interval = record["bits_per_byte_macro"], record["bits_per_byte_95"]
    lines = []
    if isinstance(interval, list):
        low, high = (ratio(bound) for bound in interval)
        lines.append(("95 % interval", f"{low} to {high}", "bits per byte, by resampled documents"))
    if isinstance(macro, float):
        lines.append(("mean of documents", ratio(macro), "bits per byte"))
    return tuple(lines)
