"""The RWKV World vocabulary: greedy longest match on bytes, streaming and exact for any cut."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, of_bytes, whole
from longriver.engine.tokenizer.base import Buffer, Tokens
from longriver.engine.tokenizer.trie import Trie
from longriver.engine.tokenizer.world_file import find_vocabulary, read_vocabulary

END_OF_TEXT = 0
"""The separator of documents; not in the file, never the result of encoding, decodes to nothing."""


class WorldTokenizer:
    """Ids of byte strings; ``entries`` must hold every single byte."""

    name = "world"

    def __init__(self, entries: dict[bytes, int]) -> None:
        self._trie = Trie.build(entries)
        self._bytes_by_id = {id_: entry for entry, id_ in entries.items()} | {END_OF_TEXT: b""}
        self.vocab_size = 1 + max(entries.values())
        self.fingerprint = _fingerprint(entries)

    @staticmethod
    def load(path: str | None = None) -> "WorldTokenizer":
        """Reads a vocabulary file, by default the one that an installed package carries.

        Raises:
            TokenizerError: no file, or a line of it that is not ``id literal length``.
        """
        return WorldTokenizer(read_vocabulary(find_vocabulary(path)))

    def stream(self) -> "WorldStream":
        return WorldStream(self._trie)

    def encode(self, text: str | Buffer) -> Tokens:
        """Tokenizes a whole text; a ``str`` as UTF-8."""
        data = text.encode() if isinstance(text, str) else text
        ids, ends = self._trie.match(np.frombuffer(data, np.uint8), is_end=True)
        return Tokens(ids, ends)

    def decode(self, ids: npt.ArrayLike) -> bytes:
        """Raises ValueError for an id that is not in the vocabulary."""
        wanted: Sequence[int] = np.asarray(ids, np.int64).tolist()
        try:
            return b"".join([self._bytes_by_id[id_] for id_ in wanted])
        except KeyError as error:
            raise ValueError(f"id {error} is not in the World vocabulary") from None


class WorldStream:
    """One document: holds back only the bytes whose token later bytes could still lengthen."""

    def __init__(self, trie: Trie) -> None:
        self._trie = trie
        self._carry = b""
        self._position = 0

    def feed(self, chunk: Buffer) -> Tokens:
        """Takes the next bytes; of a long chunk only the first few are copied to the carry."""
        view = memoryview(chunk).cast("B")
        seam = self._carry + view[: 2 * self._trie.longest]
        seam_tokens, used = self._match(seam)
        if len(view) <= 2 * self._trie.longest:
            self._carry = seam[used:]
            return seam_tokens
        rest = view[used - len(self._carry) :]
        tokens, used = self._match(rest)
        self._carry = bytes(rest[used:])
        return Tokens(
            np.concatenate((seam_tokens.ids, tokens.ids)),
            np.concatenate((seam_tokens.ends, tokens.ends)),
        )

    def finish(self) -> Tokens:
        ids, ends = self._trie.match(np.frombuffer(self._carry, np.uint8), is_end=True)
        return Tokens(ids, ends + self._position)

    def save(self) -> Arrays:
        return {"carry": of_bytes(self._carry), "position": whole(self._position)}

    def restore(self, saved: Arrays) -> None:
        self._carry, [self._position] = saved["carry"].tobytes(), saved["position"].tolist()

    def _match(self, data: Buffer) -> tuple[Tokens, int]:
        """The tokens that are sure, and how many bytes they cover."""
        ids, ends = self._trie.match(np.frombuffer(data, np.uint8), is_end=False)
        used = int(ends[-1]) if len(ends) else 0
        start, self._position = self._position, self._position + used
        return Tokens(ids, ends + start), used


def _fingerprint(entries: dict[bytes, int]) -> str:
    digest = hashlib.sha256(b"longriver world\n")
    for entry, id_ in sorted(entries.items(), key=lambda item: item[1]):
        digest.update(b"%d %d %s\n" % (id_, len(entry), entry))
    return digest.hexdigest()
