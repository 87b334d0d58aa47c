"""A document read in windows, as transformers must: lm-evaluation-harness's rolling windows."""

from collections.abc import Iterator

import numpy as np

from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.sequence import Chunk, Sequence
from longriver.engine.snapshot import Place, Snapshot
from longriver.engine.tokenizer.base import NO_TOKENS, Tokens, joined


class WindowedSequence(Sequence):
    """Every ``window`` tokens all is forgotten but the last one.

    What ``lm_eval.utils.get_rolling_token_windows`` with a context of one token makes, its windows
    made disjoint: a window's first token is conditioned on the token before it alone, in the first
    window on the prefix token. The last window, if it is short, ends with the document and is as
    long as the others: what comes before its own tokens is read again, and not scored again.

    Memory holds two windows. A snapshot may come anywhere but in a short last window.
    """

    def __init__(
        self,
        key: object,
        pieces: Iterator[Tokens],
        prefix_token: int,
        window: int,
        snapshot_tokens: int | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        super().__init__(key, pieces, prefix_token, None, snapshot_tokens)
        self._window, self._history = window, NO_TOKENS
        self._context, self._num_left, self._begins = NO_TOKENS, 0, False
        if snapshot is not None:
            self._go_on_from(snapshot)

    def fill(self, limit: int) -> int:
        """See ``Sequence``; never beyond the end of a window."""
        # a window more than is begun, so that it is known whether the next one is whole
        while self._num_buffered <= self._window and not self._exhausted:
            self._pull()
        if not self._num_left and not len(self._context):
            self._open_window()
        return min(len(self._context) + self._num_left, limit)

    def take(self, count: int) -> Chunk:
        context, self._context = self._context[:count], self._context[count:]
        tokens = self._pop(count - len(context))
        known = joined([self._before, tokens])
        self._advance(tokens)
        ids = np.concatenate([context.ids, known.ids[: len(tokens)]])
        begins, self._begins = self._begins, False
        place = self._place() if self._is_due(len(tokens)) and self._may_be_saved else None
        return Chunk(
            ids, tokens, NO_TOKENS, self.is_done, place, begins=begins, num_context=len(context)
        )

    def _open_window(self) -> None:
        self._num_left = min(self._num_buffered, self._window)
        self._begins = self._num_left > 0
        num_again = self._window - self._num_left if self._num_taken else 0
        if self._begins and num_again:
            self._context = self._history[-num_again - 1 : -1]

    def _advance(self, tokens: Tokens) -> None:
        if len(tokens):
            self._before = tokens[len(tokens) - 1 :]
        self._num_taken += len(tokens)
        self._num_left -= len(tokens)
        self._history = joined([self._history, tokens])[-self._window - 1 :]

    @property
    def _may_be_saved(self) -> bool:
        """In whole windows the place says where in the window it is."""
        return (self._num_taken + self._num_left) % self._window == 0

    def _place(self) -> Place:
        place = super()._place()
        kept: Arrays = {"ids": self._history.ids, "ends": self._history.ends}
        source = {**place.source, **inside("window", kept)}
        return Place(place.num_tokens, place.num_bytes, place.last_token, place.waiting, source)

    def _go_on_from(self, snapshot: Snapshot) -> None:
        place = snapshot.place
        kept = taken_from(place.source, "window")
        self.start, self._num_taken = snapshot.state, place.num_tokens
        self._history = Tokens(kept["ids"], kept["ends"])
        self._before = self._history[len(self._history) - 1 :]
        self._num_left = -place.num_tokens % self._window
