"""Feeds a document to a tokenizer in pieces."""

import itertools

import numpy as np

from longriver.engine.tokenizer.base import Tokenizer, Tokens


def streamed(tokenizer: Tokenizer, data: bytes, cuts: list[int]) -> Tokens:
    """The document's tokens when it arrives cut at ``cuts`` (taken modulo its length)."""
    stream = tokenizer.stream()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [stream.feed(memoryview(data)[a:b]) for a, b in itertools.pairwise(edges)]
    parts.append(stream.finish())
    return Tokens(
        np.concatenate([part.ids for part in parts]), np.concatenate([part.ends for part in parts])
    )


def assert_same(found: Tokens, expected: Tokens) -> None:
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.ends.tolist() == expected.ends.tolist()
    assert (found.ids.dtype, found.ends.dtype) == (np.int32, np.int64)
