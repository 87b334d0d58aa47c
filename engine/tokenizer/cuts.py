"""Where a text can be cut so that its parts, encoded one by one, give the tokens of the whole."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer as Library

from longriver.engine.tokenizer.normal_form import FORMS
from longriver.engine.tokenizer.structure import (
    LINE_PATTERNS,
    added_tokens,
    as_normalized,
    has_prefix_space,
    normalizers,
    pre_tokenizers,
    types,
    word_pattern,
)
from longriver.engine.tokenizer.tokenizer_file import Parsed

BY_CHARACTER = {*FORMS, "Lowercase", "StripAccents"}
"""Normalizers that neither look nor reach across a blank or a newline."""

ASIDE = {"Digits", "Punctuation"}
"""Pre-tokenizers that may stand before others and split no two characters differently for a cut."""

SPACES = {"Whitespace", "WhitespaceSplit", "BertPreTokenizer"}
"""Pre-tokenizers that drop white space, and so always split there."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The kinds of place that are safe.

    before_blank:  before a blank that stands behind ink, a letter, digit, sign or symbol.
    after_newline: behind a newline, before ink.
    """

    before_blank: bool
    after_newline: bool

    def last(self, data: bytes, start: int) -> int:
        """The last safe place in ``data`` behind ``start``, or 0."""
        blank = _last_blank(data, start) if self.before_blank else 0
        newline = _last_newline(data, start) if self.after_newline else 0
        return max(blank, newline)


def safe_cuts(parsed: Parsed, library: Library) -> Cuts:
    """The cuts that the file's structure is known to allow; none for a structure not known."""
    before_blank, after_newline = _by_structure(parsed)
    for _, token in added_tokens(library):
        for text in (token.content, as_normalized(library, token.content)):
            before_blank &= not re.search(r"\S ", text)
            before_blank &= not (token.single_word and text.startswith(" "))
            after_newline &= not re.search(r"\n\S", text)
            after_newline &= not (token.single_word and text.endswith("\n"))
        before_blank &= not token.rstrip
        after_newline &= not token.lstrip
    return Cuts(before_blank, after_newline)


def _by_structure(parsed: Parsed) -> tuple[bool, bool]:
    steps, rewriting = pre_tokenizers(parsed), types(normalizers(parsed))
    kinds = types(steps)
    patterns = {pattern for step in steps if (pattern := word_pattern(step))}
    if (
        kinds & SPACES
        and kinds <= SPACES | ASIDE
        and rewriting <= BY_CHARACTER | {"BertNormalizer"}
    ):
        return True, True
    if not rewriting <= BY_CHARACTER:
        return False, False
    if kinds == {"Metaspace"}:
        return all(step.get("split", True) for step in steps), False
    known = all(step["type"] != "Split" or word_pattern(step) for step in steps)
    if patterns and known and kinds <= {"Split", "ByteLevel"} | ASIDE:
        return True, patterns <= set(LINE_PATTERNS) and not has_prefix_space(steps)
    return False, False


def _last_blank(data: bytes, start: int) -> int:
    at = data.rfind(b" ", start)
    while at > 0 and not is_ink(_character_before(data, at)):
        at = data.rfind(b" ", start, at)
    return max(at, 0)


def _last_newline(data: bytes, start: int) -> int:
    at = data.rfind(b"\n", start, len(data) - 1)
    while at >= 0 and not is_ink(_character_at(data, at + 1)):
        at = data.rfind(b"\n", start, at)
    return at + 1


def _character_before(data: bytes, end: int) -> str:
    start = end - 1
    while data[start] & 0xC0 == 0x80:
        start -= 1
    return data[start:end].decode()


def _character_at(data: bytes, start: int) -> str:
    end = start + 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return data[start:end].decode()


@lru_cache(4096)
def is_ink(char: str) -> bool:
    """Whether a character is visible, and stays so in every normal form, beginning with no mark.

    The slash is left out: GPT-4o's words go on with one behind a newline.
    """
    forms = unicodedata.normalize("NFKD", char)
    return (
        unicodedata.category(char)[0] in "LNPS"
        and not unicodedata.combining(forms[0])
        and not any(part.isspace() for part in forms)
        and forms[0] != "/"
    )
