"""Files that appear whole or not at all, and at most once: the commit rests on them.

How a file is created exclusively, by storage:

local disk    a temporary file in the same folder, flushed, then hard-linked to its name: atomic,
              and nobody ever sees half of it. Where a drive has no hard links (exFAT, some network
              drives), ``O_EXCL``: still exclusive, but a crash can leave half a file.
memory://     fsspec looks first and writes then; a lock makes the two one, in this process.
s3, gs, az    one conditional request (``If-None-Match: *`` and its kin). s3fs reports a refusal as
              a plain ``OSError``, so after any error it is the file's existence that decides.
others        whatever their ``pipe_file(mode="create")`` does; fsspec's own default looks first and
              writes then, which two racing writers can defeat.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

Link = Callable[[str, str], None]

_MEMORY_LOCK = threading.Lock()


def is_local(fs: AbstractFileSystem) -> bool:
    return isinstance(fs, LocalFileSystem)


def create_exclusive(fs: AbstractFileSystem, path: str, data: bytes) -> bool:
    """Creates the file with this content; False, and nothing changed, if it is already there.

    A retried request whose first answer was lost also gives False, on a file that is the caller's
    own: who must know looks inside.
    """
    if is_local(fs):
        return create_local(path, data)
    if isinstance(fs, MemoryFileSystem):
        with _MEMORY_LOCK:
            return _create_remote(fs, path, data)
    return _create_remote(fs, path, data)


def create_local(path: str, data: bytes, link: Link = os.link) -> bool:
    """``create_exclusive`` on local disk; ``link`` gives a file a second name, or refuses."""
    temporary = _write_temporary(path, data)
    try:
        link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        return _create_without_links(path, data)
    finally:
        os.unlink(temporary)
    sync_folder(path)
    return True


def write_atomic(fs: AbstractFileSystem, path: str, data: bytes) -> None:
    """Writes the file, replacing an older one; readers see the old content or the new."""
    if not is_local(fs):
        fs.pipe_file(path, data)
        return
    os.replace(_write_temporary(path, data), path)
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Makes the name of a local file survive a power cut."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_temporary(path: str, data: bytes) -> str:
    """A flushed file beside ``path``; its name begins with a dot, so no listing takes it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = str(target.with_name(f".{target.name}.{uuid4().hex}.tmp"))
    _write_new(temporary, data)
    return temporary


def _create_without_links(path: str, data: bytes) -> bool:
    try:
        _write_new(path, data)
    except FileExistsError:
        return False
    sync_folder(path)
    return True


def _write_new(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _create_remote(fs: AbstractFileSystem, path: str, data: bytes) -> bool:
    try:
        fs.pipe_file(path, data, mode="create")
    except OSError:
        fs.invalidate_cache(path)
        if not fs.exists(path):
            raise
        return False
    return True
