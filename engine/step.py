"""A step that has been launched: whose rows are whose, and what is found out about them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Chunk, Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State

NO_NLL = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Part:
    """What a step reads of one sequence.

    begin: the row of its first input.
    """

    slot: int
    sequence: Sequence
    chunk: Chunk
    begin: int

    @property
    def end(self) -> int:
        return self.begin + len(self.chunk.inputs)


@dataclass(frozen=True, slots=True)
class Step:
    """What is on the CPU is there when ``wait`` has returned, and not to be looked at before.

    parts:         by slot.
    left:          by slot, what followers go on from, where it is not the state behind the step.
    nll_cpu:       [n] float32, nats, row by row, where they are wanted.
    is_finite_cpu: [R] bool, whether all of ``hidden`` is a number, row by row.
    hidden:        [R, D] float32, on the device, where it is wanted.
    """

    parts: dict[int, Part]
    left: dict[int, State]
    nll_cpu: Tensor | None
    is_finite_cpu: Tensor | None
    hidden: Tensor | None
    wait: Callable[[], object]

    def chunk(self, part: Part, snapshot: Snapshot | None, state: State | None) -> ScoredChunk:
        """What has been found out about a part, with what is to come with it."""
        chunk, first = part.chunk, part.begin + part.chunk.num_context
        read = slice(part.end - len(chunk.read), part.end)
        nll = NO_NLL if self.nll_cpu is None else self.nll_cpu.numpy()
        return ScoredChunk(
            sequence=part.sequence,
            tokens=chunk.tokens,
            nll=nll[first : first + len(chunk.tokens)],
            is_last=chunk.is_last,
            snapshot=snapshot,
            read=chunk.read,
            hidden=None if self.hidden is None else self.hidden[read],
            state=state,
        )

    def without(self, sequence: Sequence) -> "Step":
        """The same step, with nothing said of a sequence."""
        parts = {slot: part for slot, part in self.parts.items() if part.sequence is not sequence}
        return replace(self, parts=parts)

    def problem(self, part: Part, result: ScoredChunk) -> str | None:
        """Says where a number of a part's result is none."""
        finite = np.isfinite(result.nll)
        if not finite.all():
            first = int(np.argmin(finite))
            end, nll = result.tokens.ends[first], result.nll[first]
            return f"the token that ends at byte {end} has nll {nll}"
        if result.state is not None and not bool(torch.isfinite(result.state.wkv).all()):
            return f"the state at byte {result.read.ends[-1]} has a number that is not finite"
        if self.is_finite_cpu is not None:
            read = slice(part.end - len(result.read), part.end)
            if not bool(self.is_finite_cpu[read].all()):
                end = result.read.ends[-1]
                return f"a vector before byte {end} has a number that is not finite"
        return None
