"""Any Hugging Face ``tokenizer.json``, streaming and exact, or refused."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Library

from longriver.engine.tokenizer.base import TOKENIZER_JSON, Buffer, Tokens, TokenStream, joined
from longriver.engine.tokenizer.byte_level import spelled
from longriver.engine.tokenizer.cuts import safe_cuts
from longriver.engine.tokenizer.gpt2_rules import gpt2_rules
from longriver.engine.tokenizer.gpt2_stream import Gpt2Stream
from longriver.engine.tokenizer.pieces import MAX_HELD, PIECE, PieceStream, Sizes
from longriver.engine.tokenizer.structure import (
    added_tokens,
    has_prefix_space,
    is_byte_level,
    normalizers,
    pre_tokenizers,
)
from longriver.engine.tokenizer.tokenizer_file import (
    Parsed,
    damaged,
    fingerprint,
    library,
    read_file,
)


class HuggingFaceTokenizer:
    """The ids that ``tokenizers.Tokenizer.encode(text, add_special_tokens=False)`` gives.

    Args:
        parsed, library: the file, read in both ways.
        piece, max_held: see ``PieceStream``, which reads for all but GPT-2-like files.
    """

    name = TOKENIZER_JSON

    def __init__(
        self, parsed: Parsed, library: Library, *, piece: int = PIECE, max_held: int = MAX_HELD
    ) -> None:
        self._library, self._piece, self._max_held = library, piece, max_held
        self._rules = gpt2_rules(parsed, library)
        self._cuts = safe_cuts(parsed, library)
        self._bytes = _bytes_by_id(library) if is_byte_level(parsed) else None
        self._sizes = _sizes(parsed, library, self._bytes)
        ids = library.get_vocab(with_added_tokens=True).values()
        self.vocab_size = 1 + max(ids, default=-1)
        self.fingerprint = fingerprint(parsed)

    @staticmethod
    def load(path: Path) -> "HuggingFaceTokenizer":
        """Reads the file.

        Raises:
            TokenizerError: names the file and what is wrong with it.
        """
        parsed = read_file(path)
        try:
            tokenizer = HuggingFaceTokenizer(parsed, library(path, parsed))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{type(error).__name__} {error}") from None
        if not tokenizer._library.get_vocab_size(with_added_tokens=False):
            raise damaged(path, "its model has no tokens")
        return tokenizer

    def stream(self) -> TokenStream:
        if self._rules is not None:
            return Gpt2Stream(self._rules)
        return PieceStream(
            self._library, self._cuts, self._sizes, piece=self._piece, max_held=self._max_held
        )

    def encode(self, text: str | Buffer) -> Tokens:
        """Tokenizes a whole text; a ``str`` as UTF-8."""
        stream = self.stream()
        fed = stream.feed(text.encode() if isinstance(text, str) else text)
        return joined([fed, stream.finish()])

    def decode(self, ids: npt.ArrayLike) -> bytes:
        """The tokens' bytes, or what the file's decoder makes of them.

        Raises:
            ValueError: for an id that is not in the vocabulary.
        """
        wanted: list[int] = np.asarray(ids, np.int64).tolist()
        for id_ in wanted:
            if id_ < 0 or self._library.id_to_token(id_) is None:
                raise ValueError(f"id {id_} is not in the vocabulary")
        if self._bytes is not None:
            return b"".join([self._bytes[id_] for id_ in wanted])
        return self._library.decode(wanted, skip_special_tokens=False).encode()


def _bytes_by_id(library: Library) -> dict[int, bytes]:
    vocab = library.get_vocab(with_added_tokens=False)
    texts = {id_: spelled(name) or name.encode() for name, id_ in vocab.items()}
    return texts | {id_: token.content.encode() for id_, token in added_tokens(library)}


def _sizes(parsed: Parsed, library: Library, texts: dict[int, bytes] | None) -> Sizes | None:
    """Bytes by id, where tokens cover a text without gap and nothing rewrites it before."""
    added = added_tokens(library)
    is_stretching = any(token.lstrip or token.rstrip for _, token in added)
    is_rewriting = normalizers(parsed) or has_prefix_space(pre_tokenizers(parsed))
    if texts is None or is_stretching or is_rewriting:
        return None
    sizes = np.zeros(1 + max(texts), np.int64)
    for id_, text in texts.items():
        sizes[id_] = len(text)
    return sizes
