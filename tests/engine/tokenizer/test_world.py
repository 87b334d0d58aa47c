"""The World tokenizer against published vectors, two other implementations, and itself cut up."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longriver.engine.tokenizer.world import WorldTokenizer
from longriver.engine.tokenizer.world_file import find_vocabulary, read_vocabulary
from tests.engine.tokenizer.streaming import assert_same, streamed


@cache
def world() -> WorldTokenizer:
    return WorldTokenizer.load()


@cache
def entries() -> dict[bytes, int]:
    return read_vocabulary(find_vocabulary(None))


def greedy(data: bytes) -> list[int]:
    """Longest match, said as simply as it can be."""
    ids, at = [], 0
    while at < len(data):
        size = max(n for n in range(1, 129) if data[at : at + n] in entries())
        ids.append(entries()[data[at : at + size]])
        at += size
    return ids


long_entries = st.deferred(lambda: st.sampled_from(sorted(entries(), key=len)[-300:]))
mangled = st.lists(long_entries.flatmap(lambda e: st.integers(0, len(e)).map(lambda n: e[:n])))
documents = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(str.encode),
    st.lists(st.sampled_from([b" ", b"  ", b"\n", b"=", b"the", b"\xe3\x81"])).map(b"".join),
    mangled.map(b"".join),
)


def test_the_vocabulary_is_the_published_one() -> None:
    assert len(entries()) == 65529
    assert world().vocab_size == 65530
    assert world().encode("\n").ids.tolist() == [11]


def test_published_vectors_are_reproduced(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "tokenizer" / "world_vectors.json").read_text())
    assert vectors
    for vector in vectors:
        assert world().encode(vector["text"]).ids.tolist() == vector["ids"]
        assert world().decode(vector["ids"]).decode() == vector["text"]


@given(documents, st.lists(st.integers(0, 400), max_size=8))
@example(b" " * 700, [1, 128, 129, 300])
@example(b"=" * 400, [256, 257])
@settings(max_examples=300, deadline=None)
def test_any_cuts_give_the_tokens_of_the_whole(data: bytes, cuts: list[int]) -> None:
    whole = world().encode(data)
    assert_same(streamed(world(), data, cuts), whole)
    assert whole.ids.tolist() == greedy(data)
    assert world().decode(whole.ids) == data
    assert whole.ends.tolist() == sorted(set(whole.ends.tolist()))
    assert not data or whole.ends[-1] == len(data)


def test_byte_by_byte_gives_the_tokens_of_the_whole() -> None:
    data = ("  " * 90 + "Überraschung 以下は\r\n\r\n" + "=" * 200).encode() + b"\xff\xfe\x80" * 50
    assert_same(streamed(world(), data, list(range(len(data)))), world().encode(data))


def test_a_token_that_no_byte_can_lengthen_comes_at_once() -> None:
    longest = max(entries(), key=len)
    assert world().stream().feed(longest).ids.tolist() == [entries()[longest]]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_is_taken(kind: type[bytes] | type[bytearray]) -> None:
    data = "Any kind, 以下は".encode()
    expected = world().encode(data.decode())
    assert_same(world().encode(kind(data)), expected)
    fed = world().stream().feed(kind(data * 1000))
    assert_same(fed[: len(expected)], expected)


def test_a_stream_holds_back_less_than_the_longest_token() -> None:
    stream = world().stream()
    fed = covered = 0
    for _ in range(200):
        fed += 100
        tokens = stream.feed(b" " * 100)
        covered = int(tokens.ends[-1]) if len(tokens) else covered
        assert fed - covered < 128


@cache
def other_implementation() -> Any:
    return pytest.importorskip("pyrwkv_tokenizer").RWKVTokenizer()


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_pyrwkv_tokenizer_agrees(text: str) -> None:
    other = other_implementation()
    assert world().encode(text).ids.tolist() == list(other.encode(text))


@cache
def original_implementation() -> Any:
    return pytest.importorskip("rwkv.rwkv_tokenizer").TRIE_TOKENIZER(find_vocabulary(None))


@given(documents)
@settings(max_examples=200, deadline=None)
def test_the_rwkv_package_agrees_on_any_bytes(data: bytes) -> None:
    assert world().encode(data).ids.tolist() == original_implementation().encodeBytes(data)


@pytest.mark.parametrize("text", ["en/bible_kjv.txt", "ja/debian_handbook_ja-JP.txt"])
def test_real_text_in_chunks_is_tokenized_as_others_do(shared_data: Path, text: str) -> None:
    data = (shared_data / "corpus" / text).read_bytes()
    tokens = streamed(world(), data, list(range(0, len(data), 4099)))
    assert tokens.ids.tolist() == list(other_implementation().encode(data.decode()))


@pytest.mark.parametrize("id_", [-1, 65535, 1 << 40])
def test_an_unknown_id_is_named(id_: int) -> None:
    with pytest.raises(ValueError, match=f"id {id_} is not"):
        world().decode([11, id_])


def test_an_id_that_a_vocabulary_leaves_out_is_named() -> None:
    gapped = WorldTokenizer({bytes([byte]): 2 * byte + 1 for byte in range(256)})
    assert gapped.decode([131, 0, 133]) == b"AB"
    with pytest.raises(ValueError, match="id 132 is not"):
        gapped.decode([131, 132])


def test_the_end_of_text_decodes_to_nothing() -> None:
    assert world().decode([0, 11, 0]) == b"\n"


def test_the_fingerprint_is_that_of_the_table_not_of_the_line_endings(tmp_path: Path) -> None:
    copy = tmp_path / "vocabulary.txt"
    lines = find_vocabulary(None).read_bytes().replace(b"\r\n", b"\n")
    copy.write_bytes(lines.replace(b"\n", b"\r\n"))
    assert WorldTokenizer.load(str(copy)).fingerprint == world().fingerprint
