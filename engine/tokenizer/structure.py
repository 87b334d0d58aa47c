"""What a ``tokenizer.json`` is made of, read off its parts and not off its name."""

from typing import Any

from tokenizers import Tokenizer as Library

from longriver.engine.tokenizer.byte_level import spelled_vocabulary
from longriver.engine.tokenizer.gpt2_words import PATTERN as GPT2
from longriver.engine.tokenizer.tokenizer_file import Parsed

Part = dict[str, Any]

_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LINE_PATTERNS = (_CL100K, _CL100K.replace("{1,3}", ""), _O200K)
"""Llama 3 and GPT-4; Qwen 2; GPT-4o: in all of them a word ends with its last newline."""

LOSSLESS = ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")


def flat(part: Part | None, inner: str) -> list[Part]:
    """The steps of a normalizer or pre-tokenizer, sequences opened up."""
    if part is None:
        return []
    if part.get("type") != "Sequence":
        return [part]
    return [step for each in part.get(inner, []) for step in flat(each, inner)]


def normalizers(parsed: Parsed) -> list[Part]:
    return flat(parsed["normalizer"], "normalizers")


def pre_tokenizers(parsed: Parsed) -> list[Part]:
    return flat(parsed["pre_tokenizer"], "pretokenizers")


def types(parts: list[Part]) -> set[str]:
    return {str(part.get("type")) for part in parts}


def word_pattern(step: Part) -> str | None:
    """The regular expression whose matches are the words, if the step is one of those known."""
    if step.get("type") == "ByteLevel" and step.get("use_regex", True):
        return GPT2
    if step.get("type") != "Split" or step.get("invert") or step.get("behavior") != "Isolated":
        return None
    pattern = step.get("pattern", {}).get("Regex")
    return pattern if pattern in (GPT2, *LINE_PATTERNS) else None


def has_prefix_space(steps: list[Part]) -> bool:
    return any(s.get("type") == "ByteLevel" and s.get("add_prefix_space", True) for s in steps)


def is_byte_level(parsed: Parsed) -> bool:
    """Whether every token of a text is a string of its bytes, one token's behind the other's."""
    model, steps = parsed["model"], pre_tokenizers(parsed)
    return (
        model.get("type", "BPE") == "BPE"
        and not (model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"))
        and bool(steps)
        and steps[-1].get("type") == "ByteLevel"
        and all(_keeps_everything(step) for step in steps)
        and spelled_vocabulary(model["vocab"]) is not None
    )


def _keeps_everything(step: Part) -> bool:
    return step.get("type") in ("ByteLevel", "Digits") or (
        step.get("type") in ("Split", "Punctuation")
        and step.get("behavior", "Isolated") in LOSSLESS
    )


def added_tokens(library: Library) -> list[tuple[int, Any]]:
    """Ids and added tokens as the library understood them."""
    return sorted(library.get_added_tokens_decoder().items())


def as_normalized(library: Library, text: str) -> str:
    return library.normalizer.normalize_str(text) if library.normalizer else text
