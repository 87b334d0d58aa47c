"""A document as the engine sees it: token ids that arrive in pieces, and a cursor."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longriver.engine.snapshot import Place, Snapshot
from longriver.engine.state import State
from longriver.engine.token_source import TokenSource
from longriver.engine.tokenizer.base import Tokens, joined


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next tokens of one sequence.

    inputs:  [n] int32, what the network reads: the token before each of ``tokens``.
    tokens:  what it is scored on.
    is_last: nothing of the sequence follows.
    place:   where the sequence stands behind them, where a snapshot is due.
    """

    inputs: npt.NDArray[np.int32]
    tokens: Tokens
    is_last: bool
    place: Place | None = None


class Sequence:
    """One document's tokens, pulled from an iterator no further than a step needs.

    Args:
        key: whatever the caller wants back with the results.
        pieces: the document's tokens in order; may raise ``DocumentError``.
        prefix_token: the id that stands before the first token.
        start: one slot's state to go on from; by default what the model starts every document with.
        snapshot_tokens: a snapshot comes with each chunk that reaches or passes a multiple of so
            many tokens; by default with none.
    """

    def __init__(
        self,
        key: object,
        pieces: Iterator[Tokens],
        prefix_token: int,
        start: State | None = None,
        snapshot_tokens: int | None = None,
    ) -> None:
        self.key, self.start = key, start
        self._pieces, self._snapshot_tokens = pieces, snapshot_tokens
        self._num_taken, self._is_wanted = 0, False
        self._buffer: deque[Tokens] = deque()
        self._num_buffered = 0
        self._before = prefix_token
        self._exhausted = False

    @staticmethod
    def resume(
        key: object, source: TokenSource, snapshot: Snapshot, snapshot_tokens: int | None
    ) -> "Sequence":
        """Goes on from a snapshot, with a source that goes on from its place."""
        place = snapshot.place
        sequence = Sequence(key, source, place.last_token, snapshot.state, snapshot_tokens)
        sequence._num_taken = place.num_tokens
        return sequence

    def fill(self, limit: int) -> int:
        """Buffers up to ``limit`` tokens and returns how many are ready, at most ``limit``."""
        # one more than the limit, so that take() knows whether anything follows
        while self._num_buffered <= limit and not self._exhausted:
            piece = next(self._pieces, None)
            if piece is None:
                self._exhausted = True
            elif len(piece):
                self._buffer.append(piece)
                self._num_buffered += len(piece)
        return min(self._num_buffered, limit)

    def want_snapshot(self) -> None:
        """Has a snapshot come with the next chunk."""
        self._is_wanted = True

    @property
    def is_done(self) -> bool:
        """True when every token has been taken and the iterator is known to have ended."""
        return self._exhausted and self._num_buffered == 0

    def take(self, count: int) -> Chunk:
        """Returns the next ``count`` tokens, which ``fill`` must have made ready."""
        assert 0 < count <= self._num_buffered
        parts: list[Tokens] = []
        wanted = count
        while wanted:
            piece = self._buffer.popleft()
            if len(piece) > wanted:
                self._buffer.appendleft(piece[wanted:])
                piece = piece[:wanted]
            parts.append(piece)
            wanted -= len(piece)
        self._num_buffered -= count
        tokens = joined(parts)
        inputs = np.concatenate((np.array([self._before], np.int32), tokens.ids[:-1]))
        self._before = int(tokens.ids[-1])
        self._num_taken += count
        place = self._place(int(tokens.ends[-1])) if self._is_due(count) else None
        return Chunk(inputs, tokens, self.is_done, place)

    def _is_due(self, count: int) -> bool:
        every, is_wanted = self._snapshot_tokens, self._is_wanted
        self._is_wanted = False
        return is_wanted or (every is not None and self._num_taken % every < count)

    def _place(self, num_bytes: int) -> Place:
        source = self._pieces.save() if isinstance(self._pieces, TokenSource) else {}
        waiting = joined(list(self._buffer))
        return Place(self._num_taken, num_bytes, self._before, waiting, source)
