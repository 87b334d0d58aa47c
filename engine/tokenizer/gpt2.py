"""Text cut into GPT-2's words, and byte-pair encoding in each, streaming and exact."""

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.errors import DocumentError
from longriver.engine.saved import Arrays, whole
from longriver.engine.tokenizer.added import Marks
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.tokenizer.bpe import NONE, Bpe
from longriver.engine.tokenizer.bpe_walk import settled, walk, whole_token, write
from longriver.engine.tokenizer.code_points import classes
from longriver.engine.tokenizer.gpt2_words import BETWEEN, word_at
from longriver.engine.tokenizer.text import NO_TEXT, Text

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

MAX_HELD = 1 << 20
"""Bytes of one word of which no token is sure; only a vocabulary made for it comes near."""


class Gpt2Words:
    """The tokens of one section, a text without added tokens in which words and merges see no end.

    Of a word that goes on, the tokens that are sure are given out and the rest is carried, together
    with the kind of the word and the token before.
    """

    def __init__(self, bpe: Bpe) -> None:
        self._bpe = bpe
        self._classes = classes()
        self._carry = NO_TEXT
        self._kind, self._before = BETWEEN, NONE

    def feed(self, text: Text, marks: Marks, *, is_end: bool) -> Tokens:
        """Takes the next text and the added tokens in it; returns the tokens that are sure."""
        shift, text = len(self._carry), self._carry + text
        ids, ends = np.empty(len(text), np.int32), np.empty(len(text), np.int64)
        count, used, self._kind, self._before = _tokenize(
            self._bpe,
            self._classes,
            np.frombuffer(text.data, np.uint8),
            marks.starts + shift,
            marks.ends + shift,
            marks.ids,
            is_end,
            self._kind,
            self._before,
            ids,
            ends,
        )
        self._carry = text[used:]
        if len(self._carry) > MAX_HELD:
            raise DocumentError(
                "untokenizable", f"{MAX_HELD} bytes of one word without a token that is sure"
            )
        return Tokens(ids[:count].copy(), text.ends[ends[:count] - 1])

    def save(self) -> Arrays:
        return {**self._carry.save(), "word": whole(self._kind, self._before)}

    def restore(self, saved: Arrays) -> None:
        self._carry = Text.restore(saved)
        self._kind, self._before = saved["word"].tolist()


@numba.njit(cache=True, nogil=True)
def _tokenize(
    bpe: Bpe,
    classes: Bytes,
    data: Bytes,
    mark_starts: Longs,
    mark_ends: Longs,
    mark_ids: Ints,
    is_end: bool,
    kind: int,
    before: int,
    ids: Ints,
    ends: Longs,
) -> tuple[int, int, int, int]:
    """Returns how many tokens were written, how many bytes used, and the new kind and before."""
    last, is_live = np.empty(len(data) + 1, np.int32), np.empty(len(data) + 1, np.bool_)
    count, at, mark = 0, 0, 0
    while at < len(data):
        if mark < len(mark_starts) and at == mark_starts[mark]:
            ids[count], ends[count] = mark_ids[mark], mark_ends[mark]
            count, at, mark, kind, before = count + 1, mark_ends[mark], mark + 1, BETWEEN, NONE
            continue
        has_mark = mark < len(mark_starts)
        limit = mark_starts[mark] if has_mark else len(data)
        end, is_whole, word = word_at(data, at, limit, has_mark or is_end, kind, classes)
        if is_whole:
            count = _encode(bpe, data, at, end, before, last, is_live, ids, ends, count)
            at, kind, before = end, BETWEEN, NONE
            continue
        if end > at:
            walk(bpe, data, at, end, before, last, is_live)
            sure = settled(bpe, at, end, last, is_live)
            if sure > at:
                count = write(bpe, at, sure, last, ids, ends, count)
                at, kind, before = sure, word, last[sure]
        break
    if is_end:
        kind, before = BETWEEN, NONE
    return count, at, kind, before


@numba.njit(cache=True, nogil=True)
def _encode(
    bpe: Bpe,
    data: Bytes,
    start: int,
    end: int,
    before: int,
    last: Ints,
    is_live: Bools,
    ids: Ints,
    ends: Longs,
    count: int,
) -> int:
    token = whole_token(bpe, data, start, end) if before == NONE else NONE
    if token != NONE:
        ids[count], ends[count] = token, end
        return count + 1
    walk(bpe, data, start, end, before, last, is_live)
    return int(write(bpe, start, end, last, ids, ends, count))
