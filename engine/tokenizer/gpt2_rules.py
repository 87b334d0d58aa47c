"""Recognises a GPT-2-like ``tokenizer.json``, for which the rules are known to the last byte."""

from tokenizers import Tokenizer as Library

from longriver.engine.tokenizer import bpe
from longriver.engine.tokenizer.added import AddedTokens
from longriver.engine.tokenizer.byte_level import spelled_vocabulary
from longriver.engine.tokenizer.gpt2_stream import Gpt2Rules
from longriver.engine.tokenizer.gpt2_words import PATTERN
from longriver.engine.tokenizer.normal_form import FORMS
from longriver.engine.tokenizer.structure import (
    added_tokens,
    as_normalized,
    has_prefix_space,
    is_byte_level,
    normalizers,
    pre_tokenizers,
    types,
    word_pattern,
)
from longriver.engine.tokenizer.tokenizer_file import Parsed

MAX_TOKEN = 4096
"""Bytes; deriving a token by its merges takes the square of its length."""


def gpt2_rules(parsed: Parsed, library: Library) -> Gpt2Rules | None:
    """The rules, or None for a file that asks for anything else."""
    forms = normalizers(parsed)
    added = added_tokens(library)
    if (
        not is_byte_level(parsed)
        or not _has_gpt2_words(parsed)
        or len(forms) > 1
        or not types(forms) <= set(FORMS)
        or any(token.lstrip or token.rstrip or token.single_word for _, token in added)
        or parsed["model"].get("ignore_merges")
    ):
        return None
    raw = {token.content.encode(): id_ for id_, token in added if not token.normalized}
    later = {
        as_normalized(library, token.content).encode(): id_
        for id_, token in added
        if token.normalized
    }
    table = _merges(parsed)
    if table is None or len(raw) + len(later) < len(added):
        return None
    form = next((form for form in FORMS if forms and forms[0]["type"] == form), None)
    return Gpt2Rules(AddedTokens(raw), form, library.normalizer, AddedTokens(later), table)


def _has_gpt2_words(parsed: Parsed) -> bool:
    steps = pre_tokenizers(parsed)
    patterns = [word_pattern(step) for step in steps]
    is_plain = not has_prefix_space(steps) and types(steps) <= {"Split", "ByteLevel"}
    return is_plain and patterns in ([PATTERN], [PATTERN, None])


def _merges(parsed: Parsed) -> bpe.Bpe | None:
    vocab: dict[str, int] = parsed["model"]["vocab"]
    tokens = spelled_vocabulary(vocab)
    if tokens is None or max(map(len, tokens)) > MAX_TOKEN:
        return None
    pairs = [(left, right) for left, right in parsed["model"]["merges"]]
    return bpe.build(tokens, [(vocab[a], vocab[b], vocab[a + b]) for a, b in pairs])
