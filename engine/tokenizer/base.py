"""What a tokenizer is to the rest of the house: a stream from bytes to ids with byte offsets."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays

TOKENIZER_JSON = "tokenizer.json"
"""What Hugging Face calls the file of a vocabulary and its rules."""

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Tokens:
    """A run of consecutive tokens of one document.

    ids:  [n] int32, token ids.
    ends: [n] int64, the byte offset in the document just behind each token.
    """

    ids: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> "Tokens":
        return Tokens(self.ids[part], self.ends[part])


NO_TOKENS = Tokens(np.empty(0, np.int32), np.empty(0, np.int64))


def joined(parts: list[Tokens]) -> Tokens:
    """The runs, one behind the other."""
    parts = [part for part in parts if len(part)]
    if len(parts) <= 1:
        return parts[0] if parts else NO_TOKENS
    return Tokens(
        np.concatenate([part.ids for part in parts]), np.concatenate([part.ends for part in parts])
    )


class TokenStream(Protocol):
    """Tokenizes one document that arrives in pieces; the cuts never change the tokens."""

    def feed(self, chunk: Buffer) -> Tokens:
        """Takes the next bytes and returns every token that later bytes cannot change."""
        ...

    def finish(self) -> Tokens:
        """Returns the tokens that were waiting for more bytes; the stream is then used up."""
        ...

    def save(self) -> Arrays:
        """All that it holds between two chunks; its size does not depend on the document's."""
        ...

    def restore(self, saved: Arrays) -> None:
        """Makes a new stream of the same tokenizer go on where another one was saved."""
        ...


class Tokenizer(Protocol):
    """A vocabulary. Every byte string can be encoded, and ``decode(encode(x)) == x``.

    A ``tokenizer.json`` may promise less: see the README on what it rewrites and refuses.
    """

    @property
    def name(self) -> str: ...

    @property
    def vocab_size(self) -> int:
        """One more than the largest id that ``encode`` can return."""
        ...

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the parsed vocabulary, whatever file it came from."""
        ...

    def stream(self) -> TokenStream: ...

    def encode(self, text: str | Buffer) -> Tokens: ...

    def decode(self, ids: npt.ArrayLike) -> bytes: ...
