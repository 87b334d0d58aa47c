"""Random documents by length, and their way through an engine."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import numpy as np

from longriver.engine.engine import Engine
from longriver.engine.result import Failed
from longriver.engine.sequence import Sequence as TokenSequence
from longriver.engine.tokenizer.base import Tokens

PIECE = 4096
"""Tokens made at a time, so that a document's length costs no memory."""


def read(engine: Engine, lengths: Iterable[int], seed: int = 0) -> int:
    """Reads documents of these lengths side by side; returns their tokens.

    Raises:
        DocumentError: a log-likelihood is not finite.
    """
    num_tokens = 0
    for result in engine.run(_documents(lengths, engine.network.vocab_size, seed)):
        if isinstance(result, Failed):
            raise result.error
        num_tokens += len(result.tokens)
    return num_tokens


def mixed_lengths(count: int, shortest: int, longest: int) -> list[int]:
    """The quantiles of a log-normal distribution, stretched from the shortest to the longest."""
    normal = statistics.NormalDist()
    spread = [normal.inv_cdf((i + 0.5) / count) for i in range(count)]
    middle, half = (shortest * longest) ** 0.5, (longest / shortest) ** 0.5
    return [round(middle * half ** (z / spread[-1])) for z in spread]


def shuffled(lengths: Sequence[int], seed: int) -> list[int]:
    return Random(seed).sample(lengths, len(lengths))


def random_ids(length: int, vocab_size: int, seed: int = 0) -> list[int]:
    ids: list[int] = np.random.default_rng(seed).integers(0, vocab_size, length).tolist()
    return ids


def _documents(lengths: Iterable[int], vocab_size: int, seed: int) -> Iterator[TokenSequence]:
    for index, length in enumerate(lengths):
        yield TokenSequence(index, _pieces(length, vocab_size, seed + index), 0)


def _pieces(length: int, vocab_size: int, seed: int) -> Iterator[Tokens]:
    random = np.random.default_rng(seed)
    for begin in range(0, length, PIECE):
        end = min(begin + PIECE, length)
        ids = random.integers(0, vocab_size, end - begin, dtype=np.int32)
        yield Tokens(ids, np.arange(begin + 1, end + 1, dtype=np.int64))
