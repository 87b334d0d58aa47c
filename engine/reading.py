"""Continuous batching: the steps in which many sequences are read side by side to their ends."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.engine.batch import pack
from longriver.engine.errors import DocumentError
from longriver.engine.network import Hidden, Network, forward, logits, nll
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.scheduler import share
from longriver.engine.sequence import Chunk, Sequence, Watcher
from longriver.engine.settings import Settings
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.tokenizer.base import NO_TOKENS
from longriver.engine.wants import NLL, Wants

Result = ScoredChunk | Failed

NO_NLL = np.empty(0, np.float32)

LOGIT_ROWS = 64
"""Rows whose logits are there at the same time, about; of a vocabulary of 65,536 they are 16 MB."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a step has found out, row by row."""

    nll: npt.NDArray[np.float32] | None
    hidden: Tensor | None


class Reading:
    """One go over many sequences: its slots, its state, and where its sequences come from.

    Args:
        row_quantum: every step is padded to a multiple of so many rows.
        sequences: see ``Engine.run``.
        wants: what comes with the chunks.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        row_quantum: int,
        sequences: Iterator[Sequence | None],
        wants: Wants = NLL,
    ) -> None:
        self.network, self.row_quantum, self.sequences = network, row_quantum, sequences
        self.num_slots, self.budget, self.wants = (
            settings.num_slots,
            settings.tokens_per_step,
            wants,
        )
        self.open: dict[int, Sequence] = {}
        self.followers: deque[Sequence] = deque()
        self.left: dict[int, State] = {}
        self.state = network.blank.take([0] * settings.num_slots)
        self.has_more = True

    def __iter__(self) -> Iterator[Result]:
        while self.has_more or self.open or self.followers:
            yield from self._admit()
            ready: dict[int, int] = {}
            yield from self._fill(ready)
            if ready:
                yield from self._step(ready)

    def _admit(self) -> Iterator[Result]:
        """Gives free slots to the next sequences; empty ones are done at once."""
        free = [s for s in range(self.num_slots) if s not in self.open]
        while free and (sequence := self._next()) is not None:
            result = self._try_open(sequence)
            if result is not None:
                yield result
            else:
                slot = free.pop(0)
                self.open[slot] = sequence
                self.state.put([slot], sequence.start or self.network.blank)

    def _next(self) -> Sequence | None:
        """Followers first: they hold states, and what they are of waits for them."""
        if self.followers:
            return self.followers.popleft()
        if not self.has_more:
            return None
        try:
            sequence = next(self.sequences)
        except StopIteration:
            self.has_more = False
            return None
        assert sequence is not None or self.open, "nothing is open, yet nothing can be opened"
        return sequence

    def _try_open(self, sequence: Sequence) -> Result | None:
        try:
            is_empty = sequence.fill(self.budget) == 0
        except DocumentError as error:
            return Failed(sequence, error)
        if not is_empty:
            return None
        self._end(sequence, sequence.start or self.network.blank)
        return ScoredChunk(sequence, NO_TOKENS, np.empty(0, np.float32), is_last=True)

    def _end(self, sequence: Sequence, state: State) -> None:
        for follower in sequence.followers:
            follower.follow(sequence, state)
        self.followers.extend(sequence.followers)

    def _fill(self, ready: dict[int, int]) -> Iterator[Result]:
        for slot, sequence in list(self.open.items()):
            try:
                ready[slot] = sequence.fill(self.budget)
            except DocumentError as error:
                del self.open[slot]
                yield Failed(sequence, error)

    def _step(self, ready: dict[int, int]) -> Iterator[Result]:
        counts = share(list(ready.values()), self.budget)
        chunks = {
            slot: self.open[slot].take(count)
            for slot, count in zip(ready, counts, strict=True)
            if count
        }
        self._keep_left(chunks)
        if begins := [slot for slot, chunk in chunks.items() if chunk.begins]:
            self.state.put(begins, self.network.blank.take([0] * len(begins)))
        read = self._forward(chunks)
        begin = 0
        for slot, chunk in chunks.items():
            yield self._result(slot, chunk, read, begin)
            begin += len(chunk.inputs)

    def _keep_left(self, chunks: dict[int, Chunk]) -> None:
        """What followers go on from, where the last token of a sequence is now read by itself."""
        for slot, chunk in chunks.items():
            if self.open[slot].followers and not len(chunk.tokens):
                self.left[slot] = self.state.take([slot])

    @torch.inference_mode()
    def _forward(self, chunks: dict[int, Chunk]) -> _Read:
        batch = pack(chunks, self.row_quantum, self.network.device)
        hidden = forward(self.network, batch, self.state, self.wants.layer)
        self.state = hidden.state
        self._show_logits(chunks, hidden)
        if not self.wants.nll:
            return _Read(None, hidden.tapped)
        return _Read(nll(self.network, hidden.normed, batch).cpu().numpy(), hidden.tapped)

    def _show_logits(self, chunks: dict[int, Chunk], hidden: Hidden) -> None:
        """To the sequences that want to see them, some rows at a time."""
        rows: list[int] = []
        owners: list[int] = []
        begin = 0
        for slot, chunk in chunks.items():
            if isinstance(self.open[slot], Watcher):
                rows += range(begin, begin + len(chunk.inputs))
                owners += [slot] * len(chunk.inputs)
            begin += len(chunk.inputs)
        size = -(-LOGIT_ROWS // self.row_quantum) * self.row_quantum
        for first in range(0, len(rows), size):
            part, slots = rows[first : first + size], owners[first : first + size]
            padded = part + part[:1] * (-len(part) % self.row_quantum)
            found_RV = logits(self.network, hidden.normed[padded])
            for slot in dict.fromkeys(slots):
                begin, watcher = slots.index(slot), self.open[slot]
                assert isinstance(watcher, Watcher)
                watcher.on_logits(found_RV[begin : begin + slots.count(slot)])

    def _result(self, slot: int, chunk: Chunk, read: _Read, begin: int) -> Result:
        sequence = self.open[slot]
        result = sequence.result_of(self._chunk(slot, chunk, read, begin))
        problem = _not_finite(result)
        left = self.left.pop(slot, None)
        if result.is_last or problem is not None:
            del self.open[slot]
        if problem is not None:
            return Failed(sequence, DocumentError("nonfinite", problem))
        if result.is_last and sequence.followers:
            self._end(sequence, self.state.take([slot]) if left is None else left)
        return result

    def _chunk(self, slot: int, chunk: Chunk, read: _Read, begin: int) -> ScoredChunk:
        end, first = begin + len(chunk.inputs), begin + chunk.num_context
        return ScoredChunk(
            sequence=self.open[slot],
            tokens=chunk.tokens,
            nll=NO_NLL if read.nll is None else read.nll[first : first + len(chunk.tokens)],
            is_last=chunk.is_last,
            snapshot=self._snapshot(slot, chunk),
            read=chunk.read,
            hidden=None if read.hidden is None else read.hidden[end - len(chunk.read) : end],
            state=self._state(slot, chunk),
        )

    def _state(self, slot: int, chunk: Chunk) -> State | None:
        if not self.wants.state or not (chunk.is_cut or chunk.is_last):
            return None
        return self.state.take([slot])

    def _snapshot(self, slot: int, chunk: Chunk) -> Snapshot | None:
        if chunk.place is None:
            return None
        return Snapshot(chunk.place, self.state.take([slot]))


def _not_finite(chunk: ScoredChunk) -> str | None:
    """Says where a number is none."""
    finite = np.isfinite(chunk.nll)
    if not finite.all():
        first = int(np.argmin(finite))
        return f"the token that ends at byte {chunk.tokens.ends[first]} has nll {chunk.nll[first]}"
    if chunk.state is not None and not bool(torch.isfinite(chunk.state.wkv).all()):
        return f"the state at byte {chunk.read.ends[-1]} has a number that is not finite"
    if chunk.hidden is not None and not bool(torch.isfinite(chunk.hidden).all()):
        return f"a vector before byte {chunk.read.ends[-1]} has a number that is not finite"
    return None
