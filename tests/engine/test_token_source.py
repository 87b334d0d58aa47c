"""A document's tokens, left at any place and gone on with from its first byte again."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.saved import packed, unpacked
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Place, Snapshot
from longriver.engine.token_source import StaleSnapshot, TokenSource
from longriver.engine.tokenizer.base import Tokenizer, Tokens, joined
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.world import WorldTokenizer
from tests.engine.tokenizer.streaming import assert_same
from tests.fakes import NO_MEMORY

TEXT = (
    "The river ran on and on, 漢字とかな交じり文, and nobody's boat was ever seen again. ".encode()
)
WORLD, BYTES = WorldTokenizer.load(), ByteTokenizer()

cuts = st.lists(st.integers(0, len(TEXT)), max_size=6)
tokenizers = st.sampled_from([WORLD, BYTES])


def chunks(text: bytes, at: list[int]) -> Iterator[memoryview]:
    edges = [0, *sorted(at), len(text)]
    return (memoryview(text)[a:b] for a, b in itertools.pairwise(edges))


def places(tokenizer: Tokenizer, text: bytes, at: list[int], step: int) -> list[Place]:
    """Where a document can be left, behind every step."""
    source = TokenSource(tokenizer, chunks(text, at))
    sequence = Sequence(None, source, 0, snapshot_tokens=1)
    found: list[Place] = []
    while count := sequence.fill(step):
        place = sequence.take(count).place
        assert place is not None
        found.append(place)
    return found


def rest(tokenizer: Tokenizer, text: bytes, at: list[int], place: Place) -> Tokens:
    return joined(list(TokenSource(tokenizer, chunks(text, at), place)))


@given(tokenizers, cuts, cuts, st.integers(1, 40))
def test_a_source_goes_on_behind_every_place(
    tokenizer: Tokenizer, at: list[int], again: list[int], step: int
) -> None:
    whole = tokenizer.encode(TEXT)
    for place in places(tokenizer, TEXT, at, step):
        saved = unpacked(packed(Snapshot(place, NO_MEMORY).save()))
        place = Snapshot.restore(saved).place
        assert_same(rest(tokenizer, TEXT, again, place), whole[place.num_tokens :])
        assert place.last_token == whole.ids[place.num_tokens - 1]
        assert place.num_bytes == whole.ends[place.num_tokens - 1]


@given(tokenizers, cuts, st.integers(1, 40))
def test_places_of_a_document_that_was_gone_on_with_are_those_of_the_whole(
    tokenizer: Tokenizer, at: list[int], step: int
) -> None:
    found = places(tokenizer, TEXT, at, step)
    source = TokenSource(tokenizer, chunks(TEXT, at), found[0])
    sequence = Sequence.resume(None, source, Snapshot(found[0], NO_MEMORY), 1)
    for expected in found[1:]:
        place = sequence.take(sequence.fill(step)).place
        assert place is not None
        assert (place.num_tokens, place.num_bytes) == (expected.num_tokens, expected.num_bytes)
        assert_same(rest(tokenizer, TEXT, [], place), tokenizer.encode(TEXT)[expected.num_tokens :])


def changed(text: bytes, byte: int) -> bytes:
    return text[:byte] + bytes([text[byte] ^ 1]) + text[byte + 1 :]


@pytest.mark.parametrize("text", [changed(TEXT, 3), changed(TEXT, 30), TEXT[:25], b""])
def test_a_document_that_begins_otherwise_is_refused(text: bytes) -> None:
    place = places(WORLD, TEXT, [40], 5)[0]
    with pytest.raises(StaleSnapshot, match="its first 40 bytes have changed"):
        rest(WORLD, text, [10], place)


def test_what_has_not_been_read_yet_may_change() -> None:
    place = places(BYTES, TEXT, [40], 5)[0]
    assert len(rest(BYTES, changed(TEXT, 50), [], place)) == len(TEXT) - 5


@pytest.mark.parametrize("at", [[], [len(TEXT)]])
def test_a_document_that_had_ended_may_not_go_on(at: list[int]) -> None:
    sequence = Sequence(None, TokenSource(BYTES, chunks(TEXT, [])), 0, snapshot_tokens=1)
    sequence.fill(len(TEXT))
    place = sequence.take(10).place
    assert place is not None
    assert_same(rest(BYTES, TEXT, at, place), BYTES.encode(TEXT)[10:])
    with pytest.raises(StaleSnapshot, match=f"more than {len(TEXT)} bytes now"):
        rest(BYTES, TEXT + b"more", at, place)
