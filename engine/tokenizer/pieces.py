"""A document cut where it is safe and encoded piece by piece by the ``tokenizers`` library."""

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding
from tokenizers import Tokenizer as Library

from longriver.engine.errors import DocumentError
from longriver.engine.saved import Arrays, inside, taken_from, whole
from longriver.engine.tokenizer.base import NO_TOKENS, Buffer, Tokens, joined
from longriver.engine.tokenizer.cuts import Cuts
from longriver.engine.tokenizer.text import NO_TEXT, Text
from longriver.engine.tokenizer.tokenizer_file import is_refusal
from longriver.engine.tokenizer.utf8 import Utf8Stream

PIECE = 1 << 16
"""Larger pieces are no faster."""

MAX_HELD = 1 << 22
"""The library takes about 200 bytes of memory for each of them."""

Sizes = npt.NDArray[np.int64]


class PieceStream:
    """One document; the last token waits until what follows it, or the end, is there.

    Args:
        sizes: by id, the bytes of each token, where tokens are strings of bytes.
        piece: bytes that are gathered before a cut is looked for.
        max_held: bytes that may wait for a safe cut.
    """

    def __init__(
        self,
        library: Library,
        cuts: Cuts,
        sizes: Sizes | None,
        *,
        piece: int = PIECE,
        max_held: int = MAX_HELD,
    ) -> None:
        self._library, self._cuts, self._sizes = library, cuts, sizes
        self._piece, self._max_held = piece, max_held
        self._utf8 = Utf8Stream()
        self._held, self._looked = NO_TEXT, 0
        self._last, self._position = NO_TOKENS, 0

    def feed(self, chunk: Buffer) -> Tokens:
        """Takes the next bytes; raises DocumentError where no cut is safe for too long."""
        view = memoryview(chunk).cast("B")
        size = self._piece
        blocks = [view[start : start + size] for start in range(0, len(view), size)]
        return joined([self._read(block) for block in blocks])

    def finish(self) -> Tokens:
        self._hold(self._utf8.finish())
        tokens = joined([self._last, self._encode(self._held)])
        tokens.ends[-1:] = self._position
        return tokens

    def save(self) -> Arrays:
        return {
            **inside("utf8", self._utf8.save()),
            **inside("held", self._held.save()),
            "at": whole(self._looked, self._position),
            "last": whole(*self._last.ids.tolist(), *self._last.ends.tolist()),
        }

    def restore(self, saved: Arrays) -> None:
        self._utf8.restore(taken_from(saved, "utf8"))
        self._held = Text.restore(taken_from(saved, "held"))
        self._looked, self._position = saved["at"].tolist()
        ids, ends = saved["last"].reshape(2, -1)
        self._last = Tokens(ids.astype(np.int32), ends)

    def _read(self, block: memoryview) -> Tokens:
        self._hold(self._utf8.feed(block))
        if len(self._held) < self._piece:
            return NO_TOKENS
        cut = self._cuts.last(self._held.data, self._looked)
        self._looked = max(len(self._held) - 1, 0) if cut == 0 else 0
        piece, self._held = self._held[:cut], self._held[cut:]
        tokens = joined([self._last, self._encode(piece)])
        self._last = tokens[-1:]
        return tokens[:-1]

    def _hold(self, text: Text) -> None:
        self._held += text
        if len(text):
            self._position = int(text.ends[-1])
        if len(self._held) > self._max_held:
            raise DocumentError(
                "untokenizable",
                f"{self._max_held} bytes without a place where its tokenizer.json lets it be cut",
            )

    def _encode(self, piece: Text) -> Tokens:
        if not len(piece):
            return NO_TOKENS
        try:
            encoding = self._library.encode(piece.data.decode(), add_special_tokens=False)
        except BaseException as error:
            if not is_refusal(error):
                raise
            raise DocumentError("untokenizable", " ".join(str(error).split())[:200]) from None
        ids = np.array(encoding.ids, np.int32)
        ends = self._ends(piece, encoding) if self._sizes is None else self._sizes[ids].cumsum()
        assert self._sizes is None or ends[-1] == len(piece)
        before = piece.ends[:1] - 1
        return Tokens(ids, np.concatenate((before, piece.ends))[ends])

    def _ends(self, piece: Text, encoding: Encoding) -> npt.NDArray[np.int64]:
        """Bytes of the piece up to the last character of each token; never falling."""
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)[:, 1]
        if not piece.data.isascii():
            data = np.frombuffer(piece.data, np.uint8)
            begins = np.flatnonzero((data & 0xC0) != 0x80)
            offsets = np.append(begins, len(data))[offsets]
        return np.maximum.accumulate(offsets)
