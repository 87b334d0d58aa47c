"""Broken UTF-8 is repaired as Python does it, whatever the cuts, and bytes keep their places."""

import itertools

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from longriver.engine.tokenizer.text import Text
from longriver.engine.tokenizer.utf8 import Utf8Stream
from tests.engine.tokenizer.documents import cuts, documents

telling = st.sampled_from(b"A\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xe0\xed\xef\xf0\xf4\xf5\xff")
broken = st.lists(telling, max_size=12).map(bytes)


def repaired(data: bytes, edges: list[int]) -> Text:
    stream = Utf8Stream()
    places = [0, *sorted(edge % (len(data) + 1) for edge in edges), len(data)]
    text = stream.feed(b"")
    for start, end in itertools.pairwise(places):
        text += stream.feed(data[start:end])
    return text + stream.finish()


@given(documents | broken, cuts)
@example(b"\xf0\x9f\x98", [1, 2])
@example(b"\xff", [0])
def test_broken_text_is_replaced_as_python_does(data: bytes, edges: list[int]) -> None:
    text = repaired(data, edges)
    assert text.data == data.decode("utf-8", "replace").encode()
    whole = Utf8Stream()
    assert text.ends.tolist() == (whole.feed(data) + whole.finish()).ends.tolist()
    assert bool((np.diff(text.ends) >= 0).all()) and (not data or text.ends[-1] == len(data))


def test_bytes_of_whole_characters_keep_their_places() -> None:
    data = "naïve 語 🙂".encode()
    assert repaired(data, [3, 8]).ends.tolist() == list(range(1, len(data) + 1))


def test_a_replacement_stands_for_the_bytes_that_it_replaces() -> None:
    text = repaired(b"a\xf0\x9f!", [])
    assert text.data.decode() == "a\ufffd!"
    assert text.ends.tolist() == [1, 2, 3, 3, 4]
