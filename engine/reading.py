"""Continuous batching: the steps in which many sequences are read side by side to their ends."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from longriver.engine.batch import pack
from longriver.engine.errors import DocumentError
from longriver.engine.network import Network, forward, nll
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.scheduler import share
from longriver.engine.sequence import Chunk, Sequence
from longriver.engine.settings import Settings
from longriver.engine.snapshot import Snapshot
from longriver.engine.tokenizer.base import NO_TOKENS

Result = ScoredChunk | Failed


class Reading:
    """One go over many sequences: its slots, its state, and where its sequences come from.

    Args:
        row_quantum: every step is padded to a multiple of so many rows.
        sequences: see ``Engine.run``.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        row_quantum: int,
        sequences: Iterator[Sequence | None],
    ) -> None:
        self.network, self.row_quantum, self.sequences = network, row_quantum, sequences
        self.num_slots, self.budget = settings.num_slots, settings.tokens_per_step
        self.open: dict[int, Sequence] = {}
        self.state = network.blank.take([0] * settings.num_slots)
        self.has_more = True

    def __iter__(self) -> Iterator[Result]:
        while self.has_more or self.open:
            yield from self._admit()
            ready: dict[int, int] = {}
            yield from self._fill(ready)
            if ready:
                yield from self._step(ready)

    def _admit(self) -> Iterator[Result]:
        """Gives free slots to the next sequences; empty ones are done at once."""
        free = [s for s in range(self.num_slots) if s not in self.open]
        while free and self.has_more:
            try:
                sequence = next(self.sequences)
            except StopIteration:
                self.has_more = False
                return
            if sequence is None:
                assert self.open, "nothing is open, yet no sequence can be opened"
                return
            result = self._try_open(sequence)
            if result is not None:
                yield result
            else:
                slot = free.pop(0)
                self.open[slot] = sequence
                self.state.put([slot], sequence.start or self.network.blank)

    def _try_open(self, sequence: Sequence) -> Result | None:
        try:
            is_empty = sequence.fill(self.budget) == 0
        except DocumentError as error:
            return Failed(sequence, error)
        empty = ScoredChunk(sequence, NO_TOKENS, np.empty(0, np.float32), is_last=True)
        return empty if is_empty else None

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
        values = self._forward(chunks)
        begin = 0
        for slot, chunk in chunks.items():
            end = begin + len(chunk.tokens)
            yield self._result(slot, chunk, values[begin:end])
            begin = end

    @torch.inference_mode()
    def _forward(self, chunks: dict[int, Chunk]) -> npt.NDArray[np.float32]:
        batch = pack(chunks, self.row_quantum, self.network.device)
        hidden, self.state = forward(self.network, batch, self.state)
        values: npt.NDArray[np.float32] = nll(self.network, hidden, batch).cpu().numpy()
        return values

    def _result(self, slot: int, chunk: Chunk, values: npt.NDArray[np.float32]) -> Result:
        sequence = self.open[slot]
        finite = np.isfinite(values)
        is_whole = bool(finite.all())
        if chunk.is_last or not is_whole:
            del self.open[slot]
        if is_whole:
            snapshot = self._snapshot(slot, chunk)
            return ScoredChunk(sequence, chunk.tokens, values, chunk.is_last, snapshot)
        first = int(np.argmin(finite))
        where = f"the token that ends at byte {chunk.tokens.ends[first]}"
        return Failed(sequence, DocumentError("nonfinite", f"{where} has nll {values[first]}"))

    def _snapshot(self, slot: int, chunk: Chunk) -> Snapshot | None:
        if chunk.place is None:
            return None
        return Snapshot(chunk.place, self.state.take([slot]))
