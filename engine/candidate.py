"""A text that might follow, read behind its context: what it costs, and whether it is foreseen."""

import math
from dataclasses import replace

import numpy as np
from torch import Tensor

from longriver.engine.nats import nats_of_rows
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.tokenizer.base import Tokens


class CandidateSequence(Sequence):
    """Tokens to be read behind another sequence, as one of its ``followers``.

    Its nats are made of the logits that it is shown: it needs no ``Wants.nll``.

    tokens:    all of them.
    straddles: see ``Continuation``.
    is_greedy: each of those read so far is the one that the network finds likeliest there.
    """

    def __init__(self, key: object, tokens: Tokens, straddles: bool = False) -> None:
        super().__init__(key, iter((tokens,)), prefix_token=0)  # in truth the trunk's last token
        self.tokens, self.straddles, self.is_greedy = tokens, straddles, True
        self._nats: list[float] = []

    def on_logits(self, logits_RV: Tensor) -> None:
        begin = len(self._nats)
        ids_R = self.tokens.ids[begin : begin + len(logits_RV)]
        self._nats += nats_of_rows(logits_RV, ids_R).tolist()
        self.is_greedy &= np.array_equal(logits_RV.argmax(1).cpu().numpy(), ids_R)

    def result_of(self, chunk: ScoredChunk) -> ScoredChunk:
        """The engine waits for each of its chunks, so the last nats are this one's."""
        nats = self._nats[len(self._nats) - len(chunk.tokens) :]
        return replace(chunk, nll=np.array(nats, np.float32))

    @property
    def nll(self) -> float:
        """Nats of all that was read: the correctly rounded sum of the tokens' float32 nats."""
        return math.fsum(self._nats)
