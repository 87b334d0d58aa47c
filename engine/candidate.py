"""A text that might follow, read behind its context: what it costs, and whether it is foreseen."""

import math

import numpy as np
import numpy.typing as npt
from torch import Tensor

from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.tokenizer.base import Tokens


class CandidateSequence(Sequence):
    """Tokens to be read behind another sequence, as one of its ``followers``.

    tokens:    all of them.
    straddles: see ``Continuation``.
    is_greedy: each of those read so far is the one that the network finds likeliest there.
    """

    def __init__(self, key: object, tokens: Tokens, straddles: bool = False) -> None:
        super().__init__(key, iter((tokens,)), prefix_token=0)  # in truth the trunk's last token
        self.tokens, self.straddles, self.is_greedy = tokens, straddles, True
        self._num_seen = 0
        self._nll: list[npt.NDArray[np.float32]] = []

    def on_logits(self, logits_RV: Tensor) -> None:
        likeliest = logits_RV.argmax(1).cpu().numpy()
        begin, self._num_seen = self._num_seen, self._num_seen + len(likeliest)
        self.is_greedy &= np.array_equal(likeliest, self.tokens.ids[begin : self._num_seen])

    def result_of(self, chunk: ScoredChunk) -> ScoredChunk:
        self._nll.append(chunk.nll)
        return chunk

    @property
    def nll(self) -> float:
        """Nats of all that was read: the correctly rounded sum of the tokens' float32 nats."""
        return math.fsum(float(nats) for part in self._nll for nats in part)
