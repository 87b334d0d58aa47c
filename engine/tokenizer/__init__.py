"""From bytes to token ids, streaming: the vocabularies that RWKV models are trained with."""

from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer.base import Tokenizer, Tokens, TokenStream
from longriver.engine.tokenizer.bytes import NUM_BYTES, ByteTokenizer
from longriver.engine.tokenizer.world import WorldTokenizer

__all__ = [
    "ByteTokenizer",
    "TokenStream",
    "Tokenizer",
    "Tokens",
    "WorldTokenizer",
    "load_tokenizer",
]

WORLD_ROWS = range(65530, 65537)
"""Embedding rows of World models: 65536, of which text uses up to 65529."""


def load_tokenizer(kind: str, *, vocab_size: int, vocab: str | None = None) -> Tokenizer:
    """The tokenizer for a checkpoint.

    Args:
        kind: ``auto`` (by vocab_size), ``bytes`` or ``world``.
        vocab_size: rows of the checkpoint's embedding.
        vocab: a World vocabulary file, see ``WorldTokenizer.load``.

    Raises:
        TokenizerError: the tokenizer does not fit the checkpoint, or has no vocabulary.
    """
    fitting = _fitting(vocab_size)
    if fitting is None:
        raise TokenizerError(
            f"model.tokenizer={kind}: no tokenizer here fits a checkpoint with {vocab_size} ids; "
            "bytes has 256, world has 65536"
        )
    if kind not in ("auto", fitting):
        raise TokenizerError(
            f"model.tokenizer={kind} does not fit the checkpoint, which has {vocab_size} ids; "
            f"use model.tokenizer={fitting}, or auto"
        )
    if fitting == "bytes" and vocab is not None:
        raise TokenizerError(
            f"model.vocab={vocab} has no effect on a byte-level checkpoint; leave it out"
        )
    return ByteTokenizer() if fitting == "bytes" else _world(vocab_size, vocab)


def _world(vocab_size: int, vocab: str | None) -> WorldTokenizer:
    tokenizer = WorldTokenizer.load(vocab)
    if tokenizer.vocab_size > vocab_size:
        raise TokenizerError(
            f"model.vocab={vocab} has ids up to {tokenizer.vocab_size - 1}, but the checkpoint has "
            f"only {vocab_size} ids; use the vocabulary that it was trained with"
        )
    return tokenizer


def _fitting(vocab_size: int) -> str | None:
    if vocab_size == NUM_BYTES:
        return "bytes"
    return "world" if vocab_size in WORLD_ROWS else None
