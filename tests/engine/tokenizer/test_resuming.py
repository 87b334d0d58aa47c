"""A stream that was saved between any two chunks goes on in another one, for every tokenizer."""

import itertools
from collections.abc import Callable
from functools import cache, partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longriver.engine.saved import packed, unpacked
from longriver.engine.tokenizer.base import Tokenizer, Tokens, joined
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer
from longriver.engine.tokenizer.world import WorldTokenizer
from tests.engine.tokenizer.documents import cuts, documents, random_documents
from tests.engine.tokenizer.streaming import assert_same
from tests.engine.tokenizer.test_hugging_face import FAMILIES, eager, family, patient


@cache
def in_pieces_of_nine(name: str) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(*family(name), piece=9)


@cache
def world() -> WorldTokenizer:
    return WorldTokenizer.load()


EVERY: dict[str, Callable[[], Tokenizer]] = {
    "bytes": ByteTokenizer,
    "world": world,
    **{name: partial(eager, name) for name in FAMILIES},
    **{f"{name}, in pieces": partial(in_pieces_of_nine, name) for name in FAMILIES},
    **{f"{name}, patient": partial(patient, name) for name in FAMILIES},
}


def resumed(tokenizer: Tokenizer, data: bytes, edges: list[int]) -> Tokens:
    """The document's tokens when its stream is saved, packed and restored behind every chunk."""
    stream, parts = tokenizer.stream(), []
    for begin, end in itertools.pairwise(edges):
        parts.append(stream.feed(data[begin:end]))
        saved = unpacked(packed(stream.save()))
        stream = tokenizer.stream()
        stream.restore(saved)
    return joined([*parts, stream.finish()])


@given(st.sampled_from(sorted(EVERY)), documents, cuts)
@example("nfc", b"e\xcc\x81 e\xcc", [1, 2])
@example("nfc", "<|endof<|endoftext|>\u0301".encode(), [3, 9, 20])
@example("single", b" on one on", [1, 3, 8, 10])
@example("unigram first", b"a <|endoftext|> b<|endoftext|>c", [1, 15])
@settings(max_examples=500)
def test_tokens_of_a_resumed_stream_are_those_of_one_that_was_left_alone(
    name: str, data: bytes, at: list[int]
) -> None:
    tokenizer = EVERY[name]()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in at), len(data)]
    assert_same(resumed(tokenizer, data, edges), tokenizer.encode(data))


@pytest.mark.parametrize("name", EVERY)
def test_documents_of_every_tokenizer_resumed_at_every_place(name: str) -> None:
    tokenizer = EVERY[name]()
    for data, edges in random_documents(20, seed=7):
        places = sorted({0, *edges, len(data)})
        assert_same(resumed(tokenizer, data, places), tokenizer.encode(data))


@pytest.mark.parametrize("name", ["bytes", "world", "nfc, patient", "qwen, patient"])
def test_what_is_saved_does_not_grow_with_the_document(name: str) -> None:
    stream, sizes = EVERY[name]().stream(), []
    for _ in range(20):
        stream.feed(b"The river ran on and on,\nand on. " * 10_000)
        sizes.append(len(packed(stream.save())))
    assert max(sizes) < 10 * (1 << 16)
