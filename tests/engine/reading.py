"""Runs an engine over plain lists of token ids."""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.settings import resolve
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.transfer import Transfer

Floats = npt.NDArray[np.float32]


def engine_of(network: Network, transfer: Transfer | None = None, **settings: int | str) -> Engine:
    config = EngineConfig.model_validate({"device": "cpu", "num_threads": 1, **settings})
    return Engine(network, ByteTokenizer(), resolve(config), transfer)


def tokens_of(ids: list[int]) -> Tokens:
    return Tokens(np.array(ids, np.int32), np.arange(1, len(ids) + 1, dtype=np.int64))


def pieces(tokens: Tokens, cuts: list[int]) -> Iterator[Tokens]:
    edges = [0, *sorted(cut % (len(tokens) + 1) for cut in cuts), len(tokens)]
    for begin, end in itertools.pairwise(edges):
        yield tokens[begin:end]


def read(engine: Engine, documents: list[list[int]], cuts: list[int] | None = None) -> list[Floats]:
    """The nats of every token of every document, read side by side."""
    sequences = (
        Sequence(index, pieces(tokens_of(ids), cuts or []), engine.prefix_token)
        for index, ids in enumerate(documents)
    )
    found: list[list[Floats]] = [[] for _ in documents]
    ended: list[int] = []
    for result in engine.run(sequences):
        assert isinstance(result, ScoredChunk)
        index = result.sequence.key
        assert isinstance(index, int) and index not in ended
        found[index].append(result.nll)
        if result.is_last:
            ended.append(index)
    assert sorted(ended) == list(range(len(documents)))
    return [np.concatenate(parts) for parts in found]
