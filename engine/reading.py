"""Continuous batching: the steps in which many sequences are read side by side to their ends."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import torch

from longriver.engine.batch import pack
from longriver.engine.errors import DocumentError
from longriver.engine.network import Network, forward, nll
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.scheduler import share
from longriver.engine.sequence import Sequence, Watcher
from longriver.engine.settings import Settings
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.step import Part, Step
from longriver.engine.tokenizer.base import NO_TOKENS
from longriver.engine.transfer import Transfer
from longriver.engine.wants import NLL, Wants
from longriver.engine.watching import show_logits

Result = ScoredChunk | Failed


class Reading:
    """One go over many sequences: its slots, its state, and where its sequences come from.

    Results are handed out while the device is at the steps behind theirs, as many as ``transfer``
    lets be late.

    Args:
        row_quantum: every step is padded to a multiple of so many rows.
        sequences: see ``Engine.open``.
        wants: what comes with the chunks.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        row_quantum: int,
        sequences: Iterator[Sequence | None],
        transfer: Transfer,
        wants: Wants = NLL,
    ) -> None:
        self.network, self.row_quantum, self.sequences = network, row_quantum, sequences
        self.num_slots, self.budget = settings.num_slots, settings.tokens_per_step
        self.transfer, self.wants = transfer, wants
        self.open: dict[int, Sequence] = {}
        self.followers: deque[Sequence] = deque()
        self.late: deque[Step] = deque()
        with transfer.queue():
            self.state = network.blank.room(settings.num_slots)
        self.has_more = True

    def __iter__(self) -> Iterator[Result]:
        for found in self._scheduled():
            if isinstance(found, Step):
                self.late.append(found)
                yield from self._results(0 if self._is_awaited(found) else self.transfer.depth)
            else:
                yield from self._results(0)
                if found is not None:
                    yield found
            del found  # before the next step needs memory

    def _scheduled(self) -> Iterator[Step | Result | None]:
        """Steps that have been launched, and what comes of no step.

        None: all that was read so far has to be handed out first.
        """
        try:
            while self.has_more or self.open or self.followers or self.late:
                yield from self._admit()
                ready: dict[int, int] = {}
                yield from self._fill(ready)
                yield self._launch(ready) if ready else None
        except Exception:
            yield None
            raise

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
                with self.transfer.queue():
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
        is_waiting = bool(self.open or self.late)
        assert sequence is not None or is_waiting, "nothing is open, yet nothing can be opened"
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

    def _fill(self, ready: dict[int, int]) -> Iterator[Result | None]:
        for slot, sequence in list(self.open.items()):
            try:
                ready[slot] = sequence.fill(self.budget)
            except DocumentError as error:
                yield None  # it may turn out to have failed before
                if self.open.pop(slot, None) is not None:
                    yield Failed(sequence, error)
        for slot in ready.keys() - self.open.keys():
            del ready[slot]

    def _launch(self, ready: dict[int, int]) -> Step:
        counts = dict(zip(ready, share(list(ready.values()), self.budget), strict=True))
        parts = self._take(counts)
        with self.transfer.queue():
            left = self._left(parts)
            if begins := [slot for slot, part in parts.items() if part.chunk.begins]:
                self.state.put(begins, self.network.blank.take([0] * len(begins)))
            return self._forward(parts, left)

    def _take(self, counts: dict[int, int]) -> dict[int, Part]:
        """A chunk of so many rows of each; who has no more leaves its slot to the next step."""
        parts: dict[int, Part] = {}
        begin = 0
        for slot, count in counts.items():
            if count:
                chunk = self.open[slot].take(count)
                parts[slot] = Part(slot, self.open[slot], chunk, begin)
                begin = parts[slot].end
                if chunk.is_last:
                    del self.open[slot]
        return parts

    def _left(self, parts: dict[int, Part]) -> dict[int, State]:
        """What followers go on from, where the last token of a sequence is now read by itself."""
        return {
            slot: self.state.take([slot])
            for slot, part in parts.items()
            if part.sequence.followers and not len(part.chunk.tokens)
        }

    @torch.inference_mode()
    def _forward(self, parts: dict[int, Part], left: dict[int, State]) -> Step:
        chunks = {slot: part.chunk for slot, part in parts.items()}
        batch = pack(chunks, self.row_quantum, self.transfer.to_device)
        hidden = forward(self.network, batch, self.state, self.wants.layer)
        self.state = hidden.state
        show_logits(self.network, hidden.normed, parts, self.row_quantum)
        to_host, tapped = self.transfer.to_host, hidden.tapped
        nll_cpu = to_host(nll(self.network, hidden.normed, batch)) if self.wants.nll else None
        is_finite_cpu = None if tapped is None else to_host(torch.isfinite(tapped).all(dim=1))
        return Step(parts, left, nll_cpu, is_finite_cpu, tapped, self.transfer.mark())

    def _is_awaited(self, step: Step) -> bool:
        """Whether its results are needed before the next step: by a sequence, or for its state."""
        return any(map(self._is_part_awaited, step.parts.values()))

    def _is_part_awaited(self, part: Part) -> bool:
        chunk, sequence = part.chunk, part.sequence
        if isinstance(sequence, Watcher) or sequence.cuts is not None or chunk.place is not None:
            return True
        return chunk.is_last and (self.wants.state or len(sequence.followers) > 0)

    def _results(self, num_late: int) -> Iterator[Result]:
        """Of all steps but the last ``num_late``."""
        while len(self.late) > num_late:
            step = self.late.popleft()
            step.wait()
            for part in step.parts.values():
                yield self._result(step, part)

    def _result(self, step: Step, part: Part) -> Result:
        slot, sequence = part.slot, part.sequence
        chunk = step.chunk(part, self._snapshot(part), self._state(part))
        result = sequence.result_of(chunk)
        problem = step.problem(part, result)
        if (result.is_last or problem is not None) and self.open.get(slot) is sequence:
            del self.open[slot]
        if problem is not None:
            # nothing follows a failure, whatever has been launched
            self.late = deque(later.without(sequence) for later in self.late)
            return Failed(sequence, DocumentError("nonfinite", problem))
        if result.is_last and sequence.followers:
            self._end(sequence, step.left[slot] if slot in step.left else self._taken(slot))
        return result

    def _state(self, part: Part) -> State | None:
        if not self.wants.state or not (part.chunk.is_cut or part.chunk.is_last):
            return None
        return self._taken(part.slot)

    def _snapshot(self, part: Part) -> Snapshot | None:
        if part.chunk.place is None:
            return None
        return Snapshot(part.chunk.place, self._taken(part.slot))

    def _taken(self, slot: int) -> State:
        """A copy; a step that is launched overwrites what the one before has left."""
        assert not self.late
        return self.state.take([slot])
