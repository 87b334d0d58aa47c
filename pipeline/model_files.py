"""Brings checkpoints, adapters and vocabularies from any store that fsspec knows to this machine.

They are kept in ``$LONGRIVER_CACHE``, else ``$XDG_CACHE_HOME/longriver``, else
``~/.cache/longriver``, in a folder for each content that a store has had under a URL.
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.weights import Source, gathered, sources
from longriver.pipeline.file_lock import locked
from longriver.pipeline.filesystem import PACKAGES, VERSION_KEYS
from longriver.pipeline.one_line import one_line
from longriver.pipeline.opening import base_name, is_local

DISK_ERRORS = (errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS)
"""What this machine's own disk says when there is no room on it."""

READ_SUFFIXES = (".json", ".safetensors", ".bin", ".pth", ".pt")
"""Of files that make a checkpoint; others in its folder may change without harm."""

HUB = "hf://"
"""Belongs to the engine, which has the hub's own client for it."""


def fetched(model: ModelConfig, cache: Path | None = None) -> ModelConfig:
    """The same order with what its URLs name on this machine; other paths stay.

    A folder is one of Hugging Face's form; only what is needed of it is fetched.

    Args:
        cache: the folder to keep files in; by default as in this module's docstring.

    Raises:
        OrderError: nothing there, no driver for the store, no room, or the store fails.
    """
    remote = {f: s for f, s in sources(model).items() if _is_remote(s)}
    kept = cache or _default_cache()
    return model.model_copy(update={f: str(_fetched(s, kept)) for f, s in remote.items()})


def _is_remote(source: Source) -> bool:
    return "://" in source.value and not source.value.startswith(HUB)


def _default_cache() -> Path:
    named = os.environ.get("LONGRIVER_CACHE")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "longriver"


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file in a store, as it is now; ``version`` changes when the file does."""

    root: str
    name: str
    num_bytes: int | None
    version: str


def _fetched(source: Source, cache: Path) -> Path:
    fs, root = _resolved(source)
    if is_local(fs):
        return Path(root)
    with _told(source):
        info = fs.info(root)  # of a web address ending in a slash, a page that lists files
        is_folder = info["type"] != "file" or source.value.endswith("/")
        files = _listed(fs, root) if is_folder else [_stored(root, info)]
    if not is_folder and files[0].name in ("", ".", ".."):
        raise source.wrong("names no file")
    home = cache / _folder_name(source, files)
    by_name = {file.name: file for file in files}

    def fetch(name: str) -> Path:
        return _kept(source, fs, by_name[name], home)

    return gathered(source, by_name, fetch) if is_folder else fetch(files[0].name)


def _resolved(source: Source) -> tuple[Any, str]:
    protocol = source.value.split("://", 1)[0]
    if "::" in source.value:
        raise source.wrong("chains URLs; name the file or folder itself")
    try:
        fs, root = fsspec.core.url_to_fs(source.value)
    except ImportError as error:
        package = PACKAGES.get(protocol, f"fsspec[{protocol}]")
        raise source.wrong(f"needs a package: pip install {package}") from error
    except Exception as error:  # every store has errors of its own, from credentials to names
        raise source.wrong(f"cannot be opened: {one_line(error)}") from error
    return fs, root


def _listed(fs: Any, root: str) -> list[_Stored]:
    found = (_stored(i["name"], i) for i in fs.ls(root, detail=True) if i["type"] == "file")
    wanted = [file for file in found if file.name.endswith(READ_SUFFIXES)]
    return sorted(wanted, key=lambda file: file.name)


def _stored(root: str, info: dict[str, Any]) -> _Stored:
    version = next((str(info[key]) for key in VERSION_KEYS if info.get(key) is not None), "")
    return _Stored(root, base_name(str(root)), info.get("size"), version)


def _folder_name(source: Source, files: list[_Stored]) -> str:
    """Another for every content that the URL has had, as far as the store tells."""
    told = [source.value, *(f"{f.name} {f.num_bytes} {f.version}" for f in files)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def _kept(source: Source, fs: Any, file: _Stored, home: Path) -> Path:
    """Where a whole copy lies; one of several processes at once downloads it."""
    place = home / file.name
    try:
        if not place.is_file():
            home.mkdir(parents=True, exist_ok=True)
            with locked(home / f".{file.name}.lock"):
                if not place.is_file():
                    _download(source, fs, file, place)
    except OSError as error:
        raise source.wrong(
            f"cannot be kept in {home} ({error.strerror or one_line(error)}); set LONGRIVER_CACHE "
            "to a folder with room that is yours"
        ) from error
    return place


def _download(source: Source, fs: Any, file: _Stored, place: Path) -> None:
    free = shutil.disk_usage(place.parent).free
    if file.num_bytes is not None and file.num_bytes > free:
        raise source.wrong(
            f"has {file.num_bytes} bytes, but {place.parent} has room for {free}; set "
            "LONGRIVER_CACHE to another disk"
        )
    partial = place.with_name(f".{place.name}.partial-{uuid4().hex[:8]}")
    try:
        with _told(source):
            fs.get_file(file.root, str(partial))
        _require_whole(source, file, partial)
        os.replace(partial, place)
    finally:
        partial.unlink(missing_ok=True)


def _require_whole(source: Source, file: _Stored, partial: Path) -> None:
    found = partial.stat().st_size
    if file.num_bytes is not None and found != file.num_bytes:
        raise source.wrong(
            f"broke off after {found} of {file.num_bytes} bytes of {file.name}; try again"
        )


@contextlib.contextmanager
def _told(source: Source) -> Iterator[None]:
    """Turns a store's errors into one line each; those of this machine's disk stay themselves."""
    try:
        yield
    except OrderError:
        raise
    except FileNotFoundError as error:
        cause = f" ({one_line(error.__cause__)})" if isinstance(error.__cause__, Exception) else ""
        raise source.wrong(
            f"does not exist{cause}; name a file, or a folder of Hugging Face's form"
        ) from error
    except Exception as error:  # every store has errors of its own, from credentials to DNS
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise source.wrong(f"cannot be fetched: {one_line(error)}") from error
