"""Opening source files, local or in any store that fsspec knows."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from longriver.pipeline.compression import ByteReader, decompressed
from longriver.pipeline.storage import Storage
from longriver.pipeline.storage_options import NO_OPTIONS, StorageOptions, disclosed


def is_remote(source: str) -> bool:
    """Says whether a source lies in a store, each of which has errors of its own."""
    return "://" in source


def storage_of(source: str, options: StorageOptions = NO_OPTIONS) -> tuple[Storage, str]:
    """The storage of a source and the source's path there.

    A local name is taken as it is: fsspec would make URLs of some, such as ``zip::a.txt``.
    """
    if not is_remote(source) and os.path.isabs(source):
        return Storage(LocalFileSystem(), f"data.path: {source}"), source
    fs, root = fsspec.core.url_to_fs(source, **disclosed(options))
    return Storage(fs, f"data.path: {source}"), root


def open_bytes(source: str, options: StorageOptions = NO_OPTIONS) -> BinaryIO:
    """Opens a file as it is stored."""
    fs, root = storage_of(source, options)
    return fs.open(root)


def open_decompressed(source: str, options: StorageOptions = NO_OPTIONS) -> ByteReader:
    """Opens a file, decompressing as its suffix says."""
    return decompressed(open_bytes(source, options), base_name(source))


def check_readable(source: str, options: StorageOptions = NO_OPTIONS) -> None:
    """Reads the first decompressed byte of a local file, the first stored byte of another.

    Stores are asked for one byte, because an open file would read megabytes ahead.

    Raises:
        OSError: the file may not be read, or is not compressed as its suffix says.
    """
    fs, root = storage_of(source, options)
    if fs.is_local:
        with contextlib.closing(open_decompressed(source)) as stream:
            stream.read(1)
    elif fs.info(root).get("size"):
        fs.cat_file(root, start=0, end=1)


@contextlib.contextmanager
def open_arrow(source: str, options: StorageOptions = NO_OPTIONS) -> Iterator[pa.NativeFile]:
    """Opens a file for Arrow's readers.

    It is not mapped: whoever shortens a mapped file ends the process that reads it, and Arrow
    copies the chosen columns out of a mapping all the same.
    """
    fs, root = storage_of(source, options)
    if fs.is_local:
        with pa.OSFile(root) as file:
            yield file
    else:
        with fs.open(root) as opened, pa.PythonFile(opened, "r") as file:
            yield file


def is_local(fs: Any) -> bool:
    """Says whether a file system is this machine's own."""
    return isinstance(fs, LocalFileSystem)


def base_name(path: str) -> str:
    """The last part of a path, without the query of a web address."""
    name = path.rpartition("/")[2]
    return name.partition("?")[0] if path.startswith(("http://", "https://")) else name
