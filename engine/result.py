"""What the engine hands back for each chunk that it read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longriver.engine.errors import DocumentError
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.tokenizer.base import Tokens


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """The next tokens of one sequence with their negative log-likelihoods.

    nll:      [n] float32, nats, one for each of ``tokens``.
    is_last:  nothing of this sequence follows. An empty document is one empty last chunk.
    snapshot: what to go on with behind this chunk, where one is due; a copy that nobody changes.
    """

    sequence: Sequence
    tokens: Tokens
    nll: npt.NDArray[np.float32]
    is_last: bool
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A sequence that ended early; nothing of it follows."""

    sequence: Sequence
    error: DocumentError
