"""One pass over a run's scored documents, and one over their segments."""

import math
from dataclasses import dataclass, field

import numpy as np

from longriver.jobs.report.survey import (
    Extreme,
    Floats,
    Ints,
    LongExtremes,
    Octaves,
    Spread,
    quantiles,
)
from longriver.pipeline.columns import columns_of
from longriver.pipeline.run_folder import RunFolder

NUM_EXTREMES = 8
NUM_SAMPLE = 1500
NATS_STEP, NATS_SIZE = 0.02, 1200
NUMBERS = ("num_tokens", "num_bytes", "nll")


@dataclass(frozen=True, slots=True)
class Position:
    """Segments whose middles lie near the same place of their documents."""

    token: float
    num_segments: int
    num_tokens: int
    nats: float
    low: float
    high: float


@dataclass(slots=True)
class Segments:
    """What there is to say of the table ``segments``."""

    extremes: LongExtremes = field(default_factory=lambda: LongExtremes(NUM_EXTREMES))
    places: Octaves = field(default_factory=lambda: Octaves(2, 4))
    spreads: list[Ints] = field(default_factory=list)
    num_rows: int = 0

    def add(self, token_start: Ints, num_tokens: Ints, num_bytes: Ints, nll: Floats) -> None:
        rows = np.arange(self.num_rows, self.num_rows + len(nll))
        self.num_rows += len(nll)
        self.extremes.add(bits_per_byte(nll, num_bytes), num_tokens, rows, rows)
        middles = token_start + (num_tokens + 1) / 2
        columns = np.stack([np.ones(len(nll)), num_tokens, nll, middles * num_tokens], axis=1)
        buckets = self.places.add(middles, columns)
        while len(self.spreads) < len(self.places.sums):
            self.spreads.append(np.zeros(NATS_SIZE, np.int64))
        steps = np.clip(nll / num_tokens / NATS_STEP, 0, NATS_SIZE - 1).astype(np.int64)
        for bucket in np.unique(buckets).tolist():
            self.spreads[bucket] += np.bincount(steps[buckets == bucket], minlength=NATS_SIZE)

    def positions(self) -> list[Position]:
        found: list[Position] = []
        for (number, num_tokens, nats, weighted), spread in zip(
            self.places.sums.tolist(), self.spreads, strict=True
        ):
            if number:
                low, high = quantiles(spread, NATS_STEP, (0.25, 0.75))
                token, mean = weighted / num_tokens, nats / num_tokens
                found.append(Position(token, int(number), int(num_tokens), mean, low, high))
        return found


@dataclass(frozen=True, slots=True)
class Length:
    """Documents of about the same number of tokens."""

    first: int
    last: int
    num_documents: int
    bits_per_byte: float


@dataclass(slots=True)
class Documents:
    """What there is to say of the table that counts the documents.

    segment_tokens: of the table ``segments``; None where there is no such table.
    wanted_segments: rows of that table, ascending, whose documents are to be found.
    stride:   every so many documents one is in the sample.
    sampled:  row, tokens and bits per byte of those.
    owners:   the document of each wanted segment.
    named:    documents that were asked for by id, with their first segments.
    """

    segment_tokens: int | None
    wanted_segments: Ints
    stride: int
    wanted_ids: tuple[str, ...] = ()
    extremes: LongExtremes = field(default_factory=lambda: LongExtremes(NUM_EXTREMES))
    longest: Extreme | None = None
    spread: Spread = field(default_factory=Spread)
    lengths: Octaves = field(default_factory=lambda: Octaves(1, 3))
    sampled: list[tuple[int, int, float]] = field(default_factory=list)
    owners: dict[int, int] = field(default_factory=dict)
    named: dict[str, Extreme] = field(default_factory=dict)
    num_rows: int = 0
    num_segments: int = 0

    def add(self, num_tokens: Ints, num_bytes: Ints, nll: Floats, ids: list[str | None]) -> None:
        rows = np.arange(self.num_rows, self.num_rows + len(nll))
        firsts = self._firsts(num_tokens)
        bits = bits_per_byte(nll, num_bytes)
        self._find(rows, firsts, ids)
        self.extremes.add(bits, num_tokens, rows, firsts)
        self._keep_longest(num_tokens, rows, firsts)
        self.spread.add(bits)
        some = np.isfinite(bits) & (num_tokens > 0)
        ones = np.ones(int(some.sum()))
        self.lengths.add(
            num_tokens[some].astype(np.float64),
            np.stack([ones, nll[some], num_bytes[some].astype(np.float64)], axis=1),
        )
        chosen = some & (rows % self.stride == 0)
        found = zip(
            rows[chosen].tolist(), num_tokens[chosen].tolist(), bits[chosen].tolist(), strict=True
        )
        self.sampled += found
        self.num_rows += len(rows)

    def by_length(self) -> list[Length]:
        return [
            Length(1 << i, (2 << i) - 1, int(number), nats / (math.log(2) * num_bytes))
            for i, (number, nats, num_bytes) in enumerate(self.lengths.sums.tolist())
            if number
        ]

    def _firsts(self, num_tokens: Ints) -> Ints:
        """The row of each document's first segment, where it has any."""
        if self.segment_tokens is None:
            return np.zeros(len(num_tokens), np.int64)
        ends = self.num_segments + np.cumsum(-(-num_tokens // self.segment_tokens))
        firsts = np.concatenate([[self.num_segments], ends[:-1]]).astype(np.int64)
        last = int(ends[-1]) if len(ends) else self.num_segments
        wanted = self.wanted_segments
        for row in wanted[(wanted >= self.num_segments) & (wanted < last)].tolist():
            self.owners[row] = self.num_rows + int(np.searchsorted(firsts, row, side="right")) - 1
        self.num_segments = last
        return firsts

    def _keep_longest(self, num_tokens: Ints, rows: Ints, firsts: Ints) -> None:
        if not len(rows):
            return
        at = int(num_tokens.argmax())
        found = Extreme(-float(num_tokens[at]), int(rows[at]), int(firsts[at]))
        self.longest = found if self.longest is None else min(self.longest, found)

    def _find(self, rows: Ints, firsts: Ints, ids: list[str | None]) -> None:
        for index, name in enumerate(ids):
            if name in self.wanted_ids and name not in self.named:
                self.named[str(name)] = Extreme(0.0, int(rows[index]), int(firsts[index]))


def bits_per_byte(nll: Floats, num_bytes: Ints) -> Floats:
    """NaN where there are no bytes."""
    able = num_bytes > 0
    bits = np.full(len(nll), np.nan)
    bits[able] = nll[able] / (math.log(2) * num_bytes[able])
    return bits


def survey_segments(folder: RunFolder) -> Segments:
    found = Segments()
    names = ("token_start", *NUMBERS)
    for token_start, num_tokens, num_bytes, nll in columns_of(folder, "segments", names):
        found.add(_ints(token_start), _ints(num_tokens), _ints(num_bytes), _floats(nll))
    return found


def survey_documents(folder: RunFolder, table: str, found: Documents) -> None:
    """Reads the ids only where some are wanted."""
    names = (*NUMBERS, *(("document_id",) * bool(found.wanted_ids)))
    for num_tokens, num_bytes, nll, *rest in columns_of(folder, table, names):
        ids = rest[0] if rest else []
        assert isinstance(ids, list)
        found.add(_ints(num_tokens), _ints(num_bytes), _floats(nll), ids)


def _ints(values: object) -> Ints:
    return np.asarray(values, np.int64)


def _floats(values: object) -> Floats:
    return np.asarray(values, np.float64)
