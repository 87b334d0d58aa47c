"""Cuts a document's tokens into segments that lie end to end."""

import codecs
from dataclasses import dataclass

import numpy as np

from longriver.engine.saved import Arrays, of_bytes, whole
from longriver.engine.tokenizer.base import Tokens
from longriver.jobs.heard_text import HeardText


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of whole tokens and, where the tokenizer's are, of whole characters.

    text: as far as it was asked for; bytes that are no UTF-8 read as U+FFFD, as everywhere.
    """

    index: int
    token_start: int
    num_tokens: int
    byte_start: int
    num_bytes: int
    char_start: int
    num_chars: int
    text: str


class Segmenter:
    """The open segment of one document.

    A segment ends at a gap in the text, or when it has ``max_tokens``. A token that lies across a
    gap belongs to where it begins; one that begins within the gap, to the text behind it. What
    would end within a character goes on to the character's end.

    Args:
        keep_text: segments are to have their text.
    """

    def __init__(self, max_tokens: int, keep_text: bool) -> None:
        self.max_tokens, self.keep_text = max_tokens, keep_text
        self.index = self.token_start = self.num_tokens = 0
        self.byte_start = self.byte_end = self.char_start = self.num_chars = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def next_cut(self, unread: Tokens, is_end: bool, text: HeardText) -> tuple[int, bool]:
        """How many tokens are still of the open segment, as far as is known; whether it then ends.

        Args:
            is_end: no token follows those.
        """
        ends = unread.ends
        starts = np.concatenate(([self.byte_end], ends[:-1]))
        known = len(ends) if is_end else int(np.searchsorted(ends, text.known, "right"))
        at = max(self.max_tokens - self.num_tokens, 0)
        while text.gaps and text.gaps[0][0] <= self.byte_start:
            text.gaps.popleft()
        if text.gaps:
            end, begin = text.gaps[0]
            behind = int(np.searchsorted(ends, begin, "right"))
            at = min(at, max(int(np.searchsorted(starts, end)), behind))
        at = max(at, 1 - min(self.num_tokens, 1))
        while at < known and not text.is_cuttable(int(starts[at])):
            at += 1
        return (at, True) if at < known else (known, False)

    def add(self, tokens: Tokens, text: HeardText) -> None:
        """Takes the next tokens into the open segment."""
        if not len(tokens):
            return
        self.num_tokens += len(tokens)
        self.byte_end = int(tokens.ends[-1])
        self._decode(text.take(self.byte_end))

    def close(self) -> list[Segment]:
        """Ends the open segment, which has a token, and opens the next."""
        segment = self._closed()
        self.index += 1
        return [segment]

    def finish(self) -> list[Segment]:
        """Ends the document."""
        return self.close() if self.num_tokens else []

    def _closed(self) -> Segment:
        self._decode(b"", is_last=True)
        segment = Segment(
            self.index,
            self.token_start,
            self.num_tokens,
            self.byte_start,
            self.byte_end - self.byte_start,
            self.char_start,
            self.num_chars,
            self._text,
        )
        self.token_start += self.num_tokens
        self.char_start += self.num_chars
        self.byte_start = self.byte_end
        self.num_tokens = self.num_chars = 0
        self._text = ""
        return segment

    def save(self) -> Arrays:
        numbers = (self.index, self.token_start, self.num_tokens, self.byte_start, self.byte_end)
        return {
            "numbers": whole(*numbers, self.char_start, self.num_chars),
            "text": of_bytes(self._text.encode()),
            "pending": of_bytes(self._decoder.getstate()[0]),
        }

    def restore(self, saved: Arrays) -> None:
        (
            self.index,
            self.token_start,
            self.num_tokens,
            self.byte_start,
            self.byte_end,
            self.char_start,
            self.num_chars,
        ) = saved["numbers"].tolist()
        self._text = saved["text"].tobytes().decode()
        self._decoder.setstate((saved["pending"].tobytes(), 0))

    def _decode(self, data: bytes, is_last: bool = False) -> None:
        decoded = self._decoder.decode(data, is_last)
        self.num_chars += len(decoded)
        if self.keep_text:
            self._text += decoded
