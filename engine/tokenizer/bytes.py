"""Bytes as tokens: 256 ids, the id is the byte."""

import hashlib

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, whole
from longriver.engine.tokenizer.base import Buffer, Tokens

NUM_BYTES = 256


class ByteTokenizer:
    """The vocabulary of byte-level models; every byte string encodes to itself."""

    name = "bytes"
    vocab_size = NUM_BYTES
    fingerprint = hashlib.sha256(b"longriver bytes: id = byte").hexdigest()

    def stream(self) -> "ByteStream":
        return ByteStream()

    def encode(self, text: str | Buffer) -> Tokens:
        return self.stream().feed(text.encode() if isinstance(text, str) else text)

    def decode(self, ids: npt.ArrayLike) -> bytes:
        """Raises ValueError for an id that is no byte."""
        array = np.asarray(ids, np.int64)
        wrong = array[(array < 0) | (array >= NUM_BYTES)]
        if len(wrong):
            raise ValueError(f"id {wrong[0]} is not a byte")
        return array.astype(np.uint8).tobytes()


class ByteStream:
    """A document's bytes as they come; nothing ever has to wait."""

    def __init__(self) -> None:
        self._position = 0

    def feed(self, chunk: Buffer) -> Tokens:
        ids = np.frombuffer(chunk, np.uint8).astype(np.int32)
        start, self._position = self._position, self._position + len(ids)
        return Tokens(ids, np.arange(start + 1, self._position + 1, dtype=np.int64))

    def finish(self) -> Tokens:
        return Tokens(np.empty(0, np.int32), np.empty(0, np.int64))

    def save(self) -> Arrays:
        return {"position": whole(self._position)}

    def restore(self, saved: Arrays) -> None:
        [self._position] = saved["position"].tolist()
