"""A stretch of one document's tokens, gathered until its row is complete."""

import math

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, whole
from longriver.engine.tokenizer.base import Tokens


class Segment:
    """Consecutive tokens with their nats.

    What it is given it copies, so that it keeps no chunk alive that is larger than itself.

    Args:
        token_start: tokens of the document before this segment.
        byte_start:  bytes of the document before this segment.
    """

    def __init__(self, token_start: int = 0, byte_start: int = 0) -> None:
        self.token_start = token_start
        self.byte_start = byte_start
        self.byte_end = byte_start
        self.num_tokens = 0
        self._ids: list[npt.NDArray[np.int32]] = []
        self._nll: list[npt.NDArray[np.float32]] = []

    def add(self, tokens: Tokens, nll: npt.NDArray[np.float32]) -> None:
        assert len(tokens) == len(nll) > 0
        self._ids.append(tokens.ids.astype(np.int32))
        self._nll.append(nll.astype(np.float32))
        self.num_tokens += len(tokens)
        self.byte_end = int(tokens.ends[-1])

    def successor(self) -> "Segment":
        return Segment(self.token_start + self.num_tokens, self.byte_end)

    def save(self) -> Arrays:
        return {
            "starts": whole(self.token_start, self.byte_start, self.byte_end),
            "ids": self.token_ids,
            "nll": self.token_nll,
        }

    @staticmethod
    def restore(saved: Arrays) -> "Segment":
        token_start, byte_start, byte_end = saved["starts"].tolist()
        segment = Segment(token_start, byte_start)
        segment.byte_end, segment.num_tokens = byte_end, len(saved["ids"])
        segment._ids, segment._nll = [saved["ids"]], [saved["nll"]]
        return segment

    @property
    def token_ids(self) -> npt.NDArray[np.int32]:
        return np.concatenate([*self._ids, np.empty(0, np.int32)])

    @property
    def token_nll(self) -> npt.NDArray[np.float32]:
        return np.concatenate([*self._nll, np.empty(0, np.float32)])

    @property
    def nll(self) -> float:
        """The correctly rounded sum, so that it does not depend on how the tokens arrived."""
        return math.fsum(self.token_nll.tolist())
