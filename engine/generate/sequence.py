"""A sequence that writes itself: every token it reads, it has chosen behind the one before."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from longriver.engine.generate.detokenizer import Detokenizer
from longriver.engine.generate.finish_reason import FinishReason
from longriver.engine.generate.sampler import Mask, Sampler
from longriver.engine.generate.sampling import Sampling
from longriver.engine.sequence import Chunk, Sequence
from longriver.engine.tokenizer.base import NO_TOKENS, Tokenizer, Tokens

if TYPE_CHECKING:
    from longriver.engine.result import ScoredChunk


@dataclass(frozen=True, slots=True)
class Continuation:
    """What was written behind a prompt.

    text:      up to a stop text.
    token_ids: all that was chosen: stop tokens, and what stop texts are made of, too.
    nll:       of these, in nats, under the network as it is: no temperature, penalties or cuts.
    """

    text: str
    finish_reason: FinishReason
    token_ids: tuple[int, ...]
    nll: float


class GeneratingSequence(Sequence):
    """Follows a prompt; each of its chunks brings the token that it chose, with its nats.

    It holds what it has written, ``max_tokens`` of it at most. Where its chunks' tokens end is not
    said: they stand behind all bytes of the prompt.

    Args:
        writable_V, name, sample: see ``Sampler``.

    piece: the characters that the last chunk has made certain.
    """

    def __init__(
        self,
        key: object,
        tokenizer: Tokenizer,
        sampling: Sampling,
        writable_V: Mask,
        name: str,
        sample: int,
    ) -> None:
        super().__init__(key, iter(()), prefix_token=0)
        self.sampling, self.sample, self.piece = sampling, sample, ""
        self._sampler = Sampler(sampling, writable_V, name, sample)
        self._detokenizer = Detokenizer(tokenizer, sampling.stop)
        self._token_ids: list[int] = []
        self._nats: list[np.float32] = []
        self._pieces_so_far: list[str] = []

    @property
    def finish_reason(self) -> FinishReason | None:
        """None before the end."""
        if self._detokenizer.is_stopped:
            return FinishReason.STOP
        if self._token_ids and self._token_ids[-1] in self.sampling.stop_tokens:
            return FinishReason.END_TOKEN
        return FinishReason.LENGTH if len(self._token_ids) >= self.sampling.max_tokens else None

    @property
    def result(self) -> Continuation:
        """What it is at its end; nats are float32, their sum is correctly rounded."""
        assert self.finish_reason is not None
        text, nll = "".join(self._pieces_so_far), math.fsum(self._nats)
        return Continuation(text, self.finish_reason, tuple(self._token_ids), nll)

    def fill(self, limit: int) -> int:
        """The one row behind which the next token is chosen."""
        return min(1, limit)

    def take(self, count: int) -> Chunk:
        assert count == 1 and self.finish_reason is None
        return Chunk(self._before.ids, NO_TOKENS, NO_TOKENS, is_last=False)

    def on_logits(self, logits_RV: Tensor) -> None:
        token, nats = self._sampler.choose(logits_RV[0].cpu().numpy())
        self._token_ids.append(token)
        self._nats.append(nats)
        self._before = Tokens(np.array([token], np.int32), self._before.ends)
        is_seen = token not in self.sampling.stop_tokens
        self.piece = self._detokenizer.feed(token) if is_seen else ""
        if self.finish_reason is not None:
            self.piece += self._detokenizer.finish()
        self._pieces_so_far.append(self.piece)

    def result_of(self, chunk: "ScoredChunk") -> "ScoredChunk":
        nll, is_last = np.array(self._nats[-1:], np.float32), self.finish_reason is not None
        return replace(chunk, tokens=self._before, nll=nll, is_last=is_last)
