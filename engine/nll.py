"""Sums of negative log-likelihood, and the ratios that are read from them."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NllSum:
    """What a text, or many, cost: sums travel, ratios are read.

    nats: natural-log units. num_words counts as lm-evaluation-harness does, ``re.split(r"\\s+")``.
    The ratios are None where there is nothing to divide by.
    """

    nats: float = 0.0
    num_tokens: int = 0
    num_bytes: int = 0
    num_words: int = 0

    def __add__(self, other: "NllSum") -> "NllSum":
        return NllSum(
            self.nats + other.nats,
            self.num_tokens + other.num_tokens,
            self.num_bytes + other.num_bytes,
            self.num_words + other.num_words,
        )

    @property
    def bits_per_byte(self) -> float | None:
        return self.nats / (math.log(2) * self.num_bytes) if self.num_bytes else None

    @property
    def perplexity(self) -> float | None:
        return self._exp_per(self.num_tokens)

    @property
    def word_perplexity(self) -> float | None:
        return self._exp_per(self.num_words)

    @property
    def byte_perplexity(self) -> float | None:
        return self._exp_per(self.num_bytes)

    def _exp_per(self, count: int) -> float | None:
        if count == 0 or self.num_tokens == 0:
            return None
        try:
            return math.exp(self.nats / count)
        except OverflowError:
            return math.inf
