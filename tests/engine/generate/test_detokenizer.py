"""Characters as they become certain: never a part of one, and nothing of a stop text."""

import itertools
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library
from tokenizers import decoders

from longriver.engine.generate.detokenizer import Detokenizer, StopTexts
from longriver.engine.tokenizer.base import Tokenizer
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer
from longriver.engine.tokenizer.world import WorldTokenizer
from tests.engine.tokenizer import families

TEXT = "The river, 水 is water; naïve cafés 👩‍👩‍👧 run on\n\n  and on."


def bytes_of_llama() -> Library:
    """A word's first space is written as a bar, characters beyond the vocabulary as bytes."""
    library = families.sentence_piece()
    library.add_tokens([f"<0x{byte:02X}>" for byte in range(256)])
    library.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return library


@cache
def tokenizer_of(kind: str) -> Tokenizer:
    if kind == "bytes":
        return ByteTokenizer()
    if kind == "world":
        return WorldTokenizer.load()
    build = {"gpt2": families.byte_level, "llama": bytes_of_llama}[kind]
    with TemporaryDirectory() as folder:
        return HuggingFaceTokenizer.load(families.file_of(build(), Path(folder)))


def said(tokenizer: Tokenizer, ids: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    """What each token makes certain, and what is left at the end."""
    detokenizer = Detokenizer(tokenizer, stop)
    found = []
    for token in ids:
        found.append(detokenizer.feed(token))
        if detokenizer.is_stopped:
            break
    return [*found, detokenizer.finish()]


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_pieces_are_together_what_the_whole_decodes_to(data: bytes) -> None:
    assert "".join(said(ByteTokenizer(), list(data))) == data.decode(errors="replace")


class Listening(ByteTokenizer):
    """Every token is U+FFFD; remembers how many it was asked for at once."""

    def __init__(self) -> None:
        self.most = 0

    def decode(self, ids: npt.ArrayLike) -> bytes:
        count = np.size(ids)
        self.most = max(self.most, count)
        return "�".encode() * count


def test_a_text_of_replacement_characters_does_not_wait_for_its_end() -> None:
    tokenizer = Listening()
    pieces = said(tokenizer, [0] * 500)
    assert "".join(pieces) == "�" * 500 and tokenizer.most < 20


@pytest.mark.parametrize("kind", ["bytes", "world", "gpt2", "llama"])
@settings(max_examples=40)
@given(st.data())
def test_any_tokens_of_any_vocabulary_say_what_they_say_together(
    kind: str, data: st.DataObject
) -> None:
    tokenizer = tokenizer_of(kind)
    first = 1 if kind == "world" else 0
    token = st.integers(first, min(tokenizer.vocab_size, 600) - 1)
    ids = data.draw(st.lists(token, max_size=20))
    assert "".join(said(tokenizer, ids)) == tokenizer.decode(ids).decode(errors="replace")


@pytest.mark.parametrize("kind", ["bytes", "world", "gpt2"])
def test_a_piece_has_whole_characters_as_soon_as_they_are_there(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    tokens = tokenizer.encode(TEXT)
    pieces = said(tokenizer, tokens.ids.tolist())
    assert pieces[-1] == "" and "".join(pieces) == TEXT
    for so_far, end in zip(itertools.accumulate(pieces), tokens.ends, strict=False):
        whole = TEXT.encode()[:end].decode(errors="ignore")
        assert so_far == whole or whole == so_far + "�"  # which may be the start of something


def test_a_character_that_never_ends_is_said_at_the_end() -> None:
    assert said(ByteTokenizer(), [65, 0xE6, 0xB0]) == ["A", "", "", "�"]
    assert said(ByteTokenizer(), [0xE6, 65]) == ["", "�A", ""]


def plainly_cut(data: bytes, stop: tuple[str, ...]) -> bytes | None:
    """Up to the stop text that ends first, of several the longest; None where there is none."""
    texts = [text.encode() for text in stop]
    for end in range(len(data) + 1):
        sizes = [len(text) for text in texts if data[:end].endswith(text)]
        if sizes:
            return data[: end - max(sizes)]
    return None


@given(
    pieces=st.lists(st.text("ab水", max_size=4).map(str.encode), max_size=8),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    stop=st.lists(st.text("ab水", min_size=1, max_size=4), max_size=3).map(tuple),
)
def test_stop_texts_are_found_across_any_borders(
    pieces: list[bytes], cuts: list[int], stop: tuple[str, ...]
) -> None:
    data, expected = b"".join(pieces), plainly_cut(b"".join(pieces), stop)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for parts in (
        [bytes([byte]) for byte in data],
        [data[a:b] for a, b in itertools.pairwise(edges)],
    ):
        found, stops = b"", StopTexts(stop)
        for part in parts:
            found += stops.feed(part)
            assert expected is None or expected.startswith(found)  # nothing is taken back
            if stops.is_found:
                break
        assert stops.is_found == (expected is not None)
        if expected is not None:
            assert found == expected
        else:
            assert found + stops.finish() == data


def test_what_may_begin_a_stop_text_waits() -> None:
    tokens = list(b"one\n\ntwo\n\nUser: hi")
    assert said(ByteTokenizer(), tokens, ("\n\nUser:",)) == [
        *["o", "n", "e", "", "", "\n\nt", "w", "o"],
        *[""] * 8,
    ]
    assert "".join(said(ByteTokenizer(), list(b"one\n\nUse"), ("\n\nUser:",))) == "one\n\nUse"
