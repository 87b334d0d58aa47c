"""Segments cover a document end to end, whatever its bytes, its tokens and the pieces of both."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.saved import packed, unpacked
from longriver.engine.tokenizer.base import Tokens
from longriver.jobs.embed_segments import FINDERS
from longriver.jobs.heard_text import HeardText
from longriver.jobs.segmenter import Segment, Segmenter
from longriver.jobs.span_segmenter import SpanSegmenter
from longriver.pipeline.document import Spans

ALPHABET = st.sampled_from([*"aB. !?\n\n\n'\"", "é", "水", "。", "」", "😀", "\u3000"])
texts = st.lists(ALPHABET, max_size=60).map("".join)
binaries = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\xe3", b"\x80", b"\xf0", b"\xff", b"a", b". ", b"\n\n", "水".encode()])
).map(b"".join)
documents = texts.map(str.encode) | binaries
KINDS = ("tokens", "paragraph", "sentence")
kinds = st.sampled_from(KINDS)
widths = st.lists(st.integers(1, 9), min_size=1)
cuts = st.lists(st.integers(0, 60), max_size=6)


def tokens_of(data: bytes, widths: list[int]) -> Tokens:
    """Tokens of these widths, again and again, to the end of the data."""
    sums = itertools.accumulate(itertools.cycle(widths))
    ends = list(itertools.takewhile(lambda end: end < len(data), sums))
    ends += [len(data)] * bool(data)
    return Tokens(np.zeros(len(ends), np.int32), np.array(ends, np.int64))


def segments_of(
    data: bytes,
    kind: str,
    widths: list[int] = [1],  # noqa: B006, never changed
    cut: list[int] = [],  # noqa: B006
    max_tokens: int = 1_000,
    saves: bool = False,
    spans: Spans | None = None,
) -> list[Segment]:
    """The bytes are heard in pieces, and tokens follow as far as bytes have been heard."""

    def new() -> Segmenter:
        return Segmenter(max_tokens, True) if spans is None else SpanSegmenter(spans, True)

    tokens, segmenter = tokens_of(data, widths), new()
    text, found = HeardText(FINDERS[kind]()), []
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in cut)})
    for begin, end in itertools.pairwise(edges):
        if saves:
            saved = unpacked(packed(segmenter.save()))
            segmenter = new()
            segmenter.restore(saved)
            text = HeardText(FINDERS[kind](), segmenter.byte_end)
            text.hear(data[:begin])
        text.hear(data[begin:end])
        there = int(np.searchsorted(tokens.ends, end, "right"))
        done = int(np.searchsorted(tokens.ends, segmenter.byte_end, "right"))
        left, is_cut = tokens[done:there], True
        while len(left) and is_cut:
            count, is_cut = segmenter.next_cut(left, end == len(data), text)
            segmenter.add(left[:count], text)
            left = left[count:]
            if is_cut:
                found += segmenter.close()
        assert len(text._buffer) <= max(len(data) - segmenter.byte_end, 0) + 3
    return [*found, *segmenter.finish()]


@given(documents, kinds, widths, cuts, cuts, st.integers(1, 12), st.booleans())
def test_neither_pieces_nor_being_put_aside_leave_a_trace(
    data: bytes,
    kind: str,
    widths: list[int],
    cut: list[int],
    other_cut: list[int],
    max_tokens: int,
    saves: bool,
) -> None:
    found = segments_of(data, kind, widths, cut, max_tokens, saves)
    assert found == segments_of(data, kind, widths, other_cut, max_tokens)


@given(documents, kinds, widths, cuts, st.integers(1, 12))
def test_segments_cover_the_document_without_overlap(
    data: bytes, kind: str, widths: list[int], cut: list[int], max_tokens: int
) -> None:
    found = segments_of(data, kind, widths, cut, max_tokens)
    tokens, text = tokens_of(data, widths), data.decode("utf-8", "replace")
    assert [segment.index for segment in found] == list(range(len(found)))
    token = byte = char = 0
    for segment in found:
        assert (segment.token_start, segment.byte_start, segment.char_start) == (token, byte, char)
        assert segment.num_tokens > 0 and segment.num_bytes > 0
        token, byte = token + segment.num_tokens, byte + segment.num_bytes
        char += segment.num_chars
        assert byte == tokens.ends[token - 1]
        assert segment.text == text[segment.char_start : char]
    assert (token, byte, char) == (len(tokens), len(data), len(text))


@given(texts, kinds, widths, st.integers(1, 12))
def test_no_segment_of_a_text_ends_within_a_character(
    text: str, kind: str, widths: list[int], max_tokens: int
) -> None:
    found = segments_of(text.encode(), kind, widths, max_tokens=max_tokens)
    if max(widths) == 1:
        assert "".join(segment.text for segment in found) == text
    data = text.encode()
    for segment in found:
        part = data[segment.byte_start :][: segment.num_bytes]
        assert part.decode() == segment.text


@given(documents, kinds, widths, st.integers(1, 12))
def test_a_segment_has_its_most_tokens_and_those_that_end_a_character(
    data: bytes, kind: str, widths: list[int], max_tokens: int
) -> None:
    for segment in segments_of(data, kind, widths, max_tokens=max_tokens):
        assert segment.num_tokens <= max_tokens + 3


@given(texts, st.integers(1, 12))
def test_single_bytes_end_segments_right_at_gaps(text: str, max_tokens: int) -> None:
    """Where tokens are bytes, a paragraph begins with ink, unless the most tokens ended it."""
    for segment in segments_of(text.encode(), "paragraph")[1:]:
        assert not segment.text[0].isspace()


def test_tokens_across_a_gap_belong_to_where_they_begin() -> None:
    #       One.| Two|. Th|ree.
    data = b"One. Two. Three."
    found = segments_of(data, "sentence", [4, 4, 4, 4])
    assert [segment.text for segment in found] == ["One.", " Two. Th", "ree."]


def test_white_space_goes_with_the_token_that_it_is_in() -> None:
    found = segments_of(b"One. Two. Three.", "sentence", [3, 1, 4, 1, 6, 1])
    assert [segment.text for segment in found] == ["One.", " Two.", " Three."]


def test_fixed_sizes_are_exact_in_plain_text() -> None:
    found = segments_of(b"abcdefgh", "tokens", max_tokens=3)
    assert [segment.text for segment in found] == ["abc", "def", "gh"]


def test_a_long_sentence_is_cut_and_the_next_begins_where_it_would() -> None:
    found = segments_of(b"abcdefg. Hi. Jk.", "sentence", max_tokens=5)
    assert [segment.text for segment in found] == ["abcde", "fg. ", "Hi. ", "Jk."]


@st.composite
def spanned(draw: st.DrawFn) -> tuple[bytes, Spans]:
    data = draw(documents)
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=8)))
    pairs = tuple(itertools.pairwise(places))
    return data, tuple(pair for pair in pairs if draw(st.booleans()))


@given(spanned(), widths, cuts, cuts, st.booleans())
def test_spans_are_the_same_in_any_pieces(
    given: tuple[bytes, Spans], widths: list[int], cut: list[int], other: list[int], saves: bool
) -> None:
    data, spans = given
    found = segments_of(data, "spans", widths, cut, saves=saves, spans=spans)
    assert found == segments_of(data, "spans", widths, other, spans=spans)


@given(spanned(), widths)
def test_every_span_has_a_segment_of_the_tokens_in_it(
    given: tuple[bytes, Spans], widths: list[int]
) -> None:
    data, spans = given
    found = segments_of(data, "spans", widths, spans=spans)
    assert [segment.index for segment in found] == list(range(len(spans)))
    before = 0
    for (start, end), segment in zip(spans, found, strict=True):
        first, last = segment.byte_start, segment.byte_start + segment.num_bytes
        assert segment.num_tokens or segment.num_bytes == 0
        assert not segment.num_tokens or (before <= first < end and start < last)
        before = max(before, last)
        if max(widths) == 1 and data.isascii():
            assert segment.text.encode() == data[start:end]
            assert (segment.char_start, segment.num_chars) == (start, end - start)


def test_a_span_within_the_token_of_another_has_none() -> None:
    found = segments_of(b"abcdefgh", "spans", [4], spans=((0, 2), (2, 3), (5, 8)))
    assert [(s.index, s.text, s.num_tokens) for s in found] == [
        (0, "abcd", 1),
        (1, "", 0),
        (2, "efgh", 1),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_without_bytes_has_no_segments(kind: str) -> None:
    assert segments_of(b"", kind) == []
