"""Finding source files, local or in any store that fsspec knows."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from longriver.engine.errors import SourceError
from longriver.pipeline.local_tree import local_files, refuse_outside
from longriver.pipeline.one_line import one_line
from longriver.pipeline.opening import base_name, storage_of
from longriver.pipeline.run_folder import SWEEP_PAGE
from longriver.pipeline.storage import Storage
from longriver.pipeline.storage_options import NO_OPTIONS, StorageOptions

PACKAGES = {
    "abfs": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "ssh": "paramiko",
}
"""What to install for a protocol that fsspec knows but cannot serve by itself."""

VERSION_KEYS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the input.

    source:    what ``open_bytes`` takes: an absolute path or a URL.
    name:      path relative to the folder that was named.
    num_bytes: its size as stored, 0 where the store does not say.
    version:   changes when the file does, such as ``mtime=1.5``; empty if none is known.
    options:   what its store has to be told.
    """

    source: str
    name: str
    num_bytes: int
    version: str
    options: StorageOptions = field(default_factory=dict, repr=False, compare=False)


def list_files(path: str, options: StorageOptions = NO_OPTIONS) -> list[SourceFile]:
    """Returns every file of a file, folder, glob or URL, sorted by name.

    In folders, names that begin with ``.`` or ``_`` are left out, and so are run folders. A local
    symbolic link is followed if it leads to a file inside the folder.

    Raises:
        SourceError: nothing there, or it cannot be listed.
    """
    fs, root = _resolve(path, options)
    try:
        listed = (replace(file, options=options) for file in _find(fs, root, path))
        found = sorted(listed, key=lambda file: file.name)
    except SourceError:
        raise
    except Exception as error:  # every store has errors of its own, from credentials to DNS
        raise SourceError(f"data.path={path} cannot be listed: {one_line(error)}") from error
    files = _without_runs(found)
    if not files:
        raise SourceError(f"data.path={path} matches no file; hidden names (. and _) do not count")
    return files


def _without_runs(files: list[SourceFile]) -> list[SourceFile]:
    """Leaves out what longriver wrote below the folder that it reads."""
    names = {file.name for file in files}
    orders = [name for name in names if name.endswith("/run.json")]
    folders = [name.removesuffix("run.json") for name in orders]
    runs = tuple(folder for folder in folders if f"{folder}plan.parquet" in names)
    pages = {os.path.join(os.path.dirname(folder[:-1]), SWEEP_PAGE) for folder in runs}
    return [file for file in files if not file.name.startswith(runs) and file.name not in pages]


def _resolve(path: str, options: StorageOptions) -> tuple[Storage, str]:
    protocol = path.split("://", 1)[0] if "://" in path else "file"
    if "::" in path:
        raise SourceError(f"data.path={path} chains URLs; name the file or folder itself")
    try:
        return storage_of(path, options)
    except ImportError as error:
        package = PACKAGES.get(protocol, f"fsspec[{protocol}]")
        raise SourceError(f"data.path={path} needs a package: pip install {package}") from error
    except ValueError as error:
        known = ", ".join(sorted(set(PACKAGES) | {"file", "http", "https", "memory"}))
        raise SourceError(
            f"data.path={path}: {one_line(error)}; protocols include {known}"
        ) from error
    except Exception as error:  # every store has errors of its own, about credentials too
        raise SourceError(f"data.path={path} cannot be opened: {one_line(error)}") from error


def _find(fs: Storage, root: str, path: str) -> Iterator[SourceFile]:
    if fs.isfile(root):
        yield _source_file(fs, root, base_name(root), fs.info(root))
    elif fs.isdir(root):
        for name, info in _folder(fs, root):
            yield _source_file(fs, info["name"], name, info)
    elif "*" in root or "?" in root or "[" in root:
        base = _before_wildcard(root)
        for found, listed in fs.glob(root, detail=True).items():
            name = os.path.relpath(found, base or "/")
            info = _followed(fs, base, listed)
            if info["type"] == "file" and not _is_hidden(name):
                yield _source_file(fs, found, name, info)
    else:
        raise SourceError(
            f"data.path={path} does not exist; name a file, a folder, a glob or a URL"
        )


def _folder(fs: Storage, root: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if fs.is_local:
        found = {path: fs.info(path) for path in local_files(root)}
    else:
        found = fs.find(root, detail=True)
    for path, info in found.items():
        name = os.path.relpath(path, root)
        if not _is_hidden(name):
            yield name, info


def _followed(fs: Storage, base: str, listed: dict[str, Any]) -> dict[str, Any]:
    """What a symbolic link leads to; anything else as it was listed."""
    if not listed.get("islink"):
        return listed
    refuse_outside(base, listed["name"])
    return fs.info(listed["name"])


def _source_file(fs: Storage, path: str, name: str, info: dict[str, Any]) -> SourceFile:
    source = path if fs.is_local else fs.unstrip_protocol(path)
    try:
        source.encode()
    except UnicodeEncodeError:
        raise SourceError(f"data.path: the file name {source!r} is not UTF-8; rename it") from None
    if not fs.is_local and "::" in source:
        raise SourceError(f"data.path: {source} cannot be opened by that name, :: chains URLs")
    return SourceFile(source, name, int(info.get("size") or 0), source_version(info))


def source_version(info: Mapping[str, Any]) -> str:
    """What a store says that changes when a file does, and the key under which it says so.

    Empty where it says nothing.
    """
    found = ((key, version_under(info, key)) for key in VERSION_KEYS)
    return next((f"{key}={version}" for key, version in found if version is not None), "")


def version_under(info: Mapping[str, Any], key: str) -> str | None:
    """One of the values that may change; some listings give times as numbers."""
    value = info.get(key)
    if isinstance(value, datetime):
        value = value.timestamp()
    return None if value is None else str(value)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _before_wildcard(pattern: str) -> str:
    """The folder that every match of a glob lies in."""
    fixed = min(pattern.find(sign) for sign in "*?[" if sign in pattern)
    return pattern[:fixed].rpartition("/")[0]
