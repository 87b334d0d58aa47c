"""Noticing that a source file is no longer the one that was planned."""

from collections.abc import Generator, Iterable
from typing import TypeVar

from longriver.engine.errors import RunFailed
from longriver.pipeline.filesystem import version_under
from longriver.pipeline.opening import storage_of
from longriver.pipeline.shard import Piece
from longriver.pipeline.storage_options import StorageOptions

Item = TypeVar("Item")


class InputChanged(RunFailed):
    """The input is not what was planned, though it was when the run began."""


def while_unchanged(
    items: Iterable[Item], piece: Piece, options: StorageOptions
) -> Generator[Item, None, None]:
    """Passes on what is read of a piece, and looks at its file before and behind it.

    A shard is committed only behind the second look, so rows of another file never are.

    Raises:
        InputChanged: the file's size or version is another, or it is gone.
    """
    check_unchanged(piece, options)
    yield from items
    check_unchanged(piece, options)


def check_unchanged(piece: Piece, options: StorageOptions) -> None:
    """Raises InputChanged; what a store does not say cannot differ."""
    storage, path = storage_of(piece.source, options)
    storage.invalidate_cache(path)
    try:
        info = storage.info(path)
    except FileNotFoundError:
        raise InputChanged(_message(piece, "it is gone")) from None
    size = int(info.get("size") or 0)
    if piece.file_bytes and size and piece.file_bytes != size:
        raise InputChanged(_message(piece, f"it had {piece.file_bytes} bytes and has {size} now"))
    key, _, version = piece.file_version.partition("=")
    found = version_under(info, key)  # a listing may say more than the store says of one file
    if found is not None and found != version:
        raise InputChanged(_message(piece, f"its {key} was {version} and is {found} now"))


def _message(piece: Piece, change: str) -> str:
    return (
        f"data.path: {piece.source} changed during the run: {change}; "
        "put it back as it was and run the same command again, or use a new output.path"
    )
