"""Nats by position in the document, in buckets that double: token 1, 2 to 3, 4 to 7 and so on."""

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, whole


def first_token(bucket: int) -> int:
    """The first token of a bucket, counted from 1; the last is the one before the next's first."""
    return 1 << bucket


class Positions:
    """Sums of nats by bucket, added token by token, so that they do not know of chunks.

    nll:        [k] float64, k being the buckets reached.
    num_tokens: [k] int64.
    """

    def __init__(self) -> None:
        self.nll: npt.NDArray[np.float64] = np.zeros(0)
        self.num_read = 0

    def add(self, nll: npt.NDArray[np.float32]) -> None:
        while len(nll):
            bucket = (self.num_read + 1).bit_length() - 1
            room = first_token(bucket + 1) - first_token(0) - self.num_read
            self._add(bucket, nll[:room])
            nll = nll[room:]

    @property
    def num_tokens(self) -> npt.NDArray[np.int64]:
        sizes = np.array([first_token(bucket) for bucket in range(len(self.nll))], np.int64)
        if len(sizes):
            sizes[-1] = self.num_read - first_token(len(sizes) - 1) + 1
        return sizes

    def save(self) -> Arrays:
        return {"nll": self.nll.copy(), "num_read": whole(self.num_read)}

    @staticmethod
    def restore(saved: Arrays) -> "Positions":
        positions = Positions()
        positions.nll = saved["nll"]
        [positions.num_read] = saved["num_read"].tolist()
        return positions

    def _add(self, bucket: int, nll: npt.NDArray[np.float32]) -> None:
        if bucket == len(self.nll):
            self.nll = np.append(self.nll, 0.0)
        # cumulative sums are taken one by one, unlike sums, which are taken pairwise
        steps = np.concatenate([self.nll[bucket:], nll.astype(np.float64)])
        self.nll[bucket] = np.cumsum(steps)[-1]
        self.num_read += len(nll)
