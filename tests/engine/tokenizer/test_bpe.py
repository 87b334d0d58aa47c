"""The walk gives what merging gives, for vocabularies of any shape, and forgets what is settled."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from longriver.engine.tokenizer import bpe, bpe_walk

LETTERS = "abc"


def vocabulary(seed: int, size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Random merges of what is there already; many never apply, some make a token twice."""
    source, tokens, merges = random.Random(seed), list(LETTERS), []
    for _ in range(size):
        left, right = source.choice(tokens), source.choice(tokens)
        if (left, right) not in merges and len(left + right) < 12:
            merges.append((left, right))
            tokens += [left + right] if left + right not in tokens else []
    return {token: id_ for id_, token in enumerate(tokens)}, merges


def build(vocab: dict[str, int], merges: list[tuple[str, str]]) -> bpe.Bpe | None:
    tokens = {token.encode(): id_ for token, id_ in vocab.items()}
    return bpe.build(tokens, [(vocab[a], vocab[b], vocab[a + b]) for a, b in merges])


def vocabulary_in_order(
    seed: int,
) -> tuple[dict[str, int], list[tuple[str, str]], bpe.Bpe]:
    for attempt in itertools.count():
        vocab, merges = vocabulary(1000 * seed + attempt, size=5 + seed)
        table = build(vocab, merges)
        if table is not None:
            return vocab, merges, table
    raise AssertionError


def walked(table: bpe.Bpe, text: bytes, step: int) -> list[int]:
    """Walks over pieces as a stream does: on from the last settled boundary."""
    found: list[int] = []
    held, before = b"", bpe.NONE
    for start in range(0, len(text), step):
        held += text[start : start + step]
        data, size = np.frombuffer(held, np.uint8), len(held)
        last, is_live = np.empty(size + 1, np.int32), np.empty(size + 1, np.bool_)
        ids, ends = np.empty(size, np.int32), np.empty(size, np.int64)
        bpe_walk.walk(table, data, 0, size, before, last, is_live)
        is_end = start + step >= len(text)
        sure = size if is_end else bpe_walk.settled(table, 0, size, last, is_live)
        count = bpe_walk.write(table, 0, sure, last, ids, ends, 0)
        found += ids[:count].tolist()
        held, before = held[sure:], found[-1] if found else bpe.NONE
    return found


@pytest.mark.parametrize("seed", range(30))
def test_the_walk_gives_what_merging_gives(seed: int) -> None:
    vocab, merges, table = vocabulary_in_order(seed)
    library = Tokenizer(models.BPE(vocab, merges))
    source = random.Random(seed)
    for _ in range(200):
        text = "".join(source.choices(LETTERS, k=source.randint(1, 40)))
        expected = library.encode(text).ids
        for step in (1, 7, 100):
            assert walked(table, text.encode(), step) == expected


@given(st.integers(1, 60), st.integers(1, 9))
def test_runs_of_one_letter_are_merged_from_the_left(length: int, step: int) -> None:
    merges = [("a", "a"), ("aa", "aa"), ("aaaa", "a")]
    vocab = {token: id_ for id_, token in enumerate(["a", "aa", "aaaa", "aaaaa"])}
    table = build(vocab, merges)
    assert table is not None
    expected = Tokenizer(models.BPE(vocab, merges)).encode("a" * length).ids
    assert walked(table, b"a" * length, step) == expected


def test_merges_out_of_order_are_left_to_the_library() -> None:
    vocab = {token: id_ for id_, token in enumerate(["a", "b", "c", "ab", "abc"])}
    assert build(vocab, [("ab", "c"), ("a", "b")]) is None
