"""A Hugging Face ``tokenizer.json``: read as data, judged, and handed to its own library."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library

from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer.base import TOKENIZER_JSON

MAX_BYTES, MAX_DEPTH, MAX_ID = 256 << 20, 32, (1 << 22) - 1
"""Larger than any published file, far below what would hurt."""

ENCODING = ("added_tokens", "normalizer", "pre_tokenizer", "model")
"""The parts that decide which ids a text gets; cutting and padding of batches are not ours."""

Parsed = dict[str, Any]


def read_file(file: Path) -> Parsed:
    """The parts that encode and decode, merges as pairs.

    Raises:
        TokenizerError: names the file and what is wrong with it.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise damaged(file, f"it has more than {MAX_BYTES} bytes")
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise TokenizerError(f"model.tokenizer={file} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise damaged(file, "it is nested too deeply") from None
    except ValueError as error:
        raise damaged(file, f"it is not JSON ({error})") from None
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise damaged(file, "it has no model")
    parsed = {part: content.get(part) for part in (*ENCODING, "decoder")}
    _judge(file, parsed)
    return parsed


def library(file: Path, parsed: Parsed) -> Library:
    """The ``tokenizers`` library's reading of the parts; what it refuses is refused here.

    Raises:
        TokenizerError: names the file and repeats what the library says.
    """
    unused = {"version": "1.0", "truncation": None, "padding": None, "post_processor": None}
    try:
        return Library.from_str(json.dumps(unused | parsed))
    except BaseException as error:
        if not is_refusal(error):
            raise
        raise damaged(file, str(error)) from None


def is_refusal(error: BaseException) -> bool:
    """Whether the library says no; a panic of its own is no ``Exception``."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def fingerprint(parsed: Parsed) -> str:
    """sha256 (hex) of the parts that encode, however they were written down."""
    parts = {part: parsed[part] for part in ENCODING}
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"longriver tokenizer.json\n" + canonical.encode()).hexdigest()


def damaged(file: Path, why: str) -> TokenizerError:
    reason = " ".join(why.split())[:200]
    return TokenizerError(
        f"model.tokenizer={file}: {reason}; use the checkpoint's {TOKENIZER_JSON}"
    )


def _judge(file: Path, parsed: Parsed) -> None:
    if _depth(parsed) > MAX_DEPTH:
        raise damaged(file, "it is nested too deeply")
    model = parsed["model"]
    if model.get("dropout"):
        raise damaged(file, "model.dropout makes its tokens random; set it to null")
    merges = model.get("merges")
    if isinstance(merges, list):
        model["merges"] = [m.split(" ") if isinstance(m, str) else m for m in merges]
    vocab = model.get("vocab")
    _judge_ids(file, list(vocab.values()) if isinstance(vocab, dict) else [])
    added = parsed["added_tokens"]
    if isinstance(added, list):
        _judge_ids(file, [token.get("id") for token in added if isinstance(token, dict)])


def _judge_ids(file: Path, ids: list[object]) -> None:
    seen: set[object] = set()
    for id_ in ids:
        if type(id_) is not int or not 0 <= id_ <= MAX_ID:
            raise damaged(file, f"the id {str(id_)[:40]!r} is not between 0 and {MAX_ID}")
        if id_ in seen:
            raise damaged(file, f"two tokens have the id {id_}")
        seen.add(id_)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [v for values in inner if isinstance(values, list) for v in values]
    return depth
