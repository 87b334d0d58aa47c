"""Sizes of a text that arrives in pieces are those of the whole text."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.text_counts import TextCounter, TextCounts

spaced_text = st.text(st.sampled_from(" \t\n\u00a0\u2003\x1c\x85abcé語😀"), max_size=40)


def count(data: bytes, cuts: list[int]) -> TextCounts:
    counter = TextCounter()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        counter.update(memoryview(data)[begin:end])
    return counter.counts


def expected(data: bytes) -> TextCounts:
    text = data.decode("utf-8", "replace")
    return TextCounts(len(data), len(text), len(re.split(r"\s+", text)))


@given(spaced_text.map(str.encode) | st.binary(max_size=40), st.lists(st.integers(0, 40)))
def test_any_cuts_count_as_the_whole_text_does(data: bytes, cuts: list[int]) -> None:
    assert count(data, cuts) == expected(data)


def test_every_character_counts_as_space_where_it_does_in_lm_eval() -> None:
    for start in range(0, 0x3100, 64):
        text = "a".join(map(chr, range(start, start + 64)))
        assert count(text.encode(), [17, 50]) == expected(text.encode())


@pytest.mark.parametrize(
    ("text", "num_words"), [("", 1), ("one", 1), (" one", 2), ("one  two\n", 3), (" ", 2)]
)
def test_words_are_those_of_lm_eval(text: str, num_words: int) -> None:
    assert count(text.encode(), []).num_words == num_words
