"""From token ids to characters, as they come: never a part of one."""

import codecs

from longriver.engine.tokenizer.base import Tokenizer

REPLACEMENT = "�".encode()

REACH = 8
"""Tokens; one that is so far back is of no character that is still open."""


class TokenBytes:
    """The bytes of tokens that come one by one, for vocabularies of any kind.

    What a token adds can depend on the one before it (a word's first space) and on those behind it
    (a character in several byte tokens), so it is taken from a text that begins one handed-out run
    earlier, and waits while that text ends in U+FFFD. ``tokenizers.decoders.DecodeStream`` does so.
    Where U+FFFD is what is written, tokens do not wait for longer than ``REACH``.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: list[int] = []
        self._waiting: list[int] = []

    def feed(self, token: int) -> bytes:
        self._waiting.append(token)
        added = self._added(self._waiting)
        if not added.endswith(REPLACEMENT):
            self._known, self._waiting = self._waiting, []
            return added
        settled = self._added(self._waiting[:-REACH])
        if not (settled and added.startswith(settled)):
            return b""
        self._known, self._waiting = self._waiting[:-REACH], self._waiting[-REACH:]
        return settled

    def finish(self) -> bytes:
        return self._added(self._waiting)

    def _added(self, tokens: list[int]) -> bytes:
        known = self._tokenizer.decode(self._known)
        return self._tokenizer.decode(self._known + tokens)[len(known) :]


class StopTexts:
    """Lets bytes through up to the first stop text, however they are cut into pieces.

    Of several stop texts the one that ends first counts, and of those the longest. What might be
    the beginning of one is held back.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = [text.encode() for text in texts]
        self._held = b""
        self.is_found = False

    def feed(self, data: bytes) -> bytes:
        """What is certainly before a stop text; once one is found, the last of it."""
        self._held += data
        found = [
            (start + len(text), start)
            for text in self._texts
            if (start := self._held.find(text)) >= 0
        ]
        if found:
            self.is_found = True
            return self._let_go(min(found)[1])
        return self._let_go(len(self._held) - self._num_begun())

    def finish(self) -> bytes:
        return self._let_go(len(self._held))

    def _num_begun(self) -> int:
        """How many bytes at the end begin a stop text."""
        longest = max(map(len, self._texts), default=1) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(text.startswith(self._held[-size:]) for text in self._texts):
                return size
        return 0

    def _let_go(self, size: int) -> bytes:
        data, self._held = self._held[:size], self._held[size:]
        return data


class Detokenizer:
    """The text of one continuation, piece by piece, up to a stop text.

    Bytes that are no UTF-8 become U+FFFD, as ``bytes.decode(errors="replace")`` has it.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...]) -> None:
        self._bytes, self._stops = TokenBytes(tokenizer), StopTexts(stop)
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def is_stopped(self) -> bool:
        return self._stops.is_found

    def feed(self, token: int) -> str:
        """The characters that are certain now."""
        return self._characters.decode(self._stops.feed(self._bytes.feed(token)))

    def finish(self) -> str:
        """The characters that have waited; the last ones of all."""
        rest = b"" if self.is_stopped else self._stops.feed(self._bytes.finish())
        if not self.is_stopped:
            rest += self._stops.finish()
        return self._characters.decode(rest, final=True)
