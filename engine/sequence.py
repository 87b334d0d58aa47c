"""A document as the engine sees it: token ids that arrive in pieces, and a cursor."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from longriver.engine.snapshot import Place, Snapshot
from longriver.engine.state import State
from longriver.engine.token_source import TokenSource
from longriver.engine.tokenizer.base import Tokens, joined

if TYPE_CHECKING:
    from longriver.engine.result import ScoredChunk


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next rows of one sequence.

    inputs:  [m] int32, what the network reads: context, the token before each of ``tokens``, and
             the last one of all where that is read too.
    tokens:  [n] what it is scored on, row by row.
    read:    what was read, the token before the document's first left out.
    is_last: nothing of the sequence follows.
    place:   where the sequence stands behind them, where a snapshot is due.
    is_cut:  the sequence is to be cut behind what was read.
    begins:  what was read before is forgotten first.
    num_context: so many inputs come before the first of ``tokens``, and are only read.
    """

    inputs: npt.NDArray[np.int32]
    tokens: Tokens
    read: Tokens
    is_last: bool
    place: Place | None = None
    is_cut: bool = False
    begins: bool = False
    num_context: int = 0


class Cuts(Protocol):
    """Where a sequence is to be cut, for the state is wanted there."""

    def next_cut(self, unread: Tokens, is_end: bool) -> tuple[int, bool]:
        """How many of the tokens that are read next may be read, and whether a cut is behind them.

        Asked when all chunks before have been handed out; 0 where more must be known.

        Args:
            unread: at least one.
            is_end: no token follows those.
        """
        ...


@runtime_checkable
class Watcher(Protocol):
    """A sequence that is shown logits; others cost none."""

    def on_logits(self, logits_RV: Tensor) -> None:
        """Is shown what the network says behind each row of the last chunk taken, in order."""
        ...


class Sequence:
    """One document's tokens, pulled from an iterator no further than a step needs.

    Args:
        key: whatever the caller wants back with the results.
        pieces: the document's tokens in order; may raise ``DocumentError``.
        prefix_token: the id that stands before the first token.
        start: one slot's state to go on from; by default what the model starts every document with.
        snapshot_tokens: a snapshot comes with each chunk that reaches or passes a multiple of so
            many tokens; by default with none.
        reads_last: the last token is read too, though nothing is scored behind it.

    followers: sequences that are read behind this one, each from the state that it leaves and with
        its last token before their first: this one is read once, however many they are.
    cuts: where chunks have to end.
    """

    def __init__(
        self,
        key: object,
        pieces: Iterator[Tokens],
        prefix_token: int,
        start: State | None = None,
        snapshot_tokens: int | None = None,
        reads_last: bool = False,
    ) -> None:
        self.key, self.start = key, start
        self.followers: tuple[Sequence, ...] = ()
        self.cuts: Cuts | None = None
        self._rows_to_cut: int | None = None
        self._pieces, self._snapshot_tokens = pieces, snapshot_tokens
        self._num_taken, self._is_wanted = 0, False
        self._buffer: deque[Tokens] = deque()
        self._num_buffered = 0
        self._before = Tokens(np.array([prefix_token], np.int32), np.zeros(1, np.int64))
        self._exhausted, self._has_tail = False, reads_last

    @staticmethod
    def resume(
        key: object,
        source: TokenSource,
        snapshot: Snapshot,
        snapshot_tokens: int | None,
        reads_last: bool = False,
    ) -> "Sequence":
        """Goes on from a snapshot, with a source that goes on from its place."""
        place = snapshot.place
        sequence = Sequence(
            key, source, place.last_token, snapshot.state, snapshot_tokens, reads_last
        )
        sequence._num_taken, sequence._before.ends[0] = place.num_tokens, place.num_bytes
        return sequence

    def follow(self, trunk: "Sequence", state: State) -> None:
        """Is to be read behind another sequence, of which this is the state."""
        self.start, self._before = state, trunk._before

    def result_of(self, chunk: "ScoredChunk") -> "ScoredChunk":
        """What is handed out for a chunk that has been read; others may have been taken since."""
        return chunk

    def fill(self, limit: int) -> int:
        """Buffers up to ``limit`` tokens and returns how many rows are ready, at most ``limit``."""
        # one more than the limit, so that take() knows whether anything follows
        while self._num_buffered <= limit and not self._exhausted:
            self._pull()
        if self.cuts is None:
            return min(self._num_ready, limit)
        while not (rows := self._rows_before_cut(self.cuts, limit)) and not self._exhausted:
            self._pull()
        return rows

    def _pull(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            self._exhausted = True
            self._has_tail &= self._num_taken + self._num_buffered > 0
        elif len(piece):
            self._buffer.append(piece)
            self._num_buffered += len(piece)

    @property
    def _num_ready(self) -> int:
        """Followers go on from where the last token is not read, so it is read by itself."""
        has_tail = self._exhausted and self._has_tail
        return self._num_buffered + (has_tail and not (self.followers and self._num_buffered))

    def _rows_before_cut(self, cuts: Cuts, limit: int) -> int:
        """The first row of all reads the token before the document's first."""
        is_first = self._num_taken == 0
        unread = self._unread(limit + 1, is_first)
        if not len(unread):
            return min(self._num_ready, limit)
        num_unread = self._num_buffered + (not is_first)
        count, is_cut = cuts.next_cut(unread, self._exhausted and len(unread) == num_unread)
        self._rows_to_cut = count + is_first if is_cut else None
        return min(self._num_ready, count + is_first, limit)

    def _unread(self, count: int, is_first: bool) -> Tokens:
        """The next tokens to be read, so many or a few more."""
        found = [] if is_first else [self._before]
        for piece in self._buffer:
            if sum(map(len, found)) >= count:
                break
            found.append(piece[:count])
        return joined(found)

    def want_snapshot(self) -> None:
        """Has a snapshot come with the next chunk."""
        self._is_wanted = True

    @property
    def is_done(self) -> bool:
        """True when every row has been taken and the iterator is known to have ended."""
        return self._exhausted and self._num_buffered == 0 and not self._has_tail

    def take(self, count: int) -> Chunk:
        """Returns the next ``count`` rows, which ``fill`` must have made ready."""
        tokens = self._pop(min(count, self._num_buffered))
        if reads_last := len(tokens) < count:
            assert self._has_tail and count == len(tokens) + 1
            self._has_tail = False
        known = joined([self._before, tokens])
        read = known[:count] if self._num_taken else known[1:count]
        self._before = known[len(known) - 1 :]
        self._num_taken += len(tokens)
        # behind the last token nothing is left to go on with
        place = self._place() if self._is_due(len(tokens)) and not reads_last else None
        is_cut = count == self._rows_to_cut
        return Chunk(known.ids[:count], tokens, read, self.is_done, place, is_cut)

    def _pop(self, count: int) -> Tokens:
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
        return joined(parts)

    def _is_due(self, count: int) -> bool:
        every, is_wanted = self._snapshot_tokens, self._is_wanted
        self._is_wanted = False
        return is_wanted or (every is not None and self._num_taken % every < count)

    def _place(self) -> Place:
        source = self._pieces.save() if isinstance(self._pieces, TokenSource) else {}
        last, waiting = self._before, joined(list(self._buffer))
        return Place(self._num_taken, int(last.ends[0]), int(last.ids[0]), waiting, source)
