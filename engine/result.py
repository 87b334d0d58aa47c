"""What the engine hands back for each chunk that it read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from longriver.engine.errors import DocumentError
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.tokenizer.base import NO_TOKENS, Tokens


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """The next tokens of one sequence with what was asked for.

    nll:      [n] float32, nats, one for each of ``tokens``; [0] where they are not asked for.
    is_last:  nothing of this sequence follows, only its followers do. An empty document is one
              empty last chunk.
    snapshot: what to go on with behind this chunk, where one is due; a copy that nobody changes.
    read:     the k tokens that were read: those of the chunk, each one step later.
    hidden:   [k, D] float32, the vector behind each of ``read``, on the engine's device; None where
              they are not asked for.
    state:    of one slot, behind what was read, where it is wanted; a copy that nobody changes.
    """

    sequence: Sequence
    tokens: Tokens
    nll: npt.NDArray[np.float32]
    is_last: bool
    snapshot: Snapshot | None = None
    read: Tokens = NO_TOKENS
    hidden: Tensor | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A sequence that ended early; nothing of it follows."""

    sequence: Sequence
    error: DocumentError
