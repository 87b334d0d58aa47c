"""The RWKV World vocabulary: greedy longest match on bytes, streaming and exact for any cut."""

import hashlib
from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, of_bytes, whole
from longriver.engine.tokenizer.base import Buffer, Tokens
from longriver.engine.tokenizer.trie import Trie
from longriver.engine.tokenizer.world_file import find_vocabulary, read_vocabulary

END_OF_TEXT = 0
"""The separator of documents; not in the file, never the result of encoding, decodes to nothing."""
ABSENT = -1


class WorldTokenizer:
    """Ids of byte strings; ``entries`` must hold every single byte."""

    name = "world"

    def __init__(self, entries: dict[bytes, int]) -> None:
        self._trie = Trie.build(entries)
        self.vocab_size = 1 + max(entries.values())
        self._spelling = _Spelling(entries, self.vocab_size)
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
        return b"".join(map(self._spelling, wanted))


class _Spelling:
    """The bytes of every id, in one string: a dict of them takes 6 MB more."""

    def __init__(self, entries: dict[bytes, int], vocab_size: int) -> None:
        self._text = b"".join(entries)
        self._begin, self._end = array("i", [ABSENT]) * vocab_size, array("i", [0]) * vocab_size
        self._begin[END_OF_TEXT] = end = 0
        for entry, id_ in entries.items():
            self._begin[id_], end = end, end + len(entry)
            self._end[id_] = end

    def __call__(self, id_: int) -> bytes:
        if not 0 <= id_ < len(self._begin) or self._begin[id_] == ABSENT:
            raise ValueError(f"id {id_} is not in the World vocabulary")
        return self._text[self._begin[id_] : self._end[id_]]


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
