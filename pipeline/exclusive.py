"""Files that appear whole or not at all, and at most once: the commit rests on them.

How a file is created exclusively, by storage:

local disk    a temporary file in the same folder, flushed, then hard-linked to its name: atomic,
              and nobody ever sees half of it. Where a drive has no hard links (exFAT, some network
              drives), ``O_EXCL``: still exclusive, but a crash can leave half a file.
memory://     fsspec looks first and writes then; a lock makes the two one, in this process.
s3, gs        one conditional request (``If-None-Match: *`` and its kin). s3fs reports a refusal as
              a plain ``OSError``, so after any error it is the file's existence that decides.
others        look first and write then, which two racing writers can defeat: see
              ``claims_to_create_exclusively``, and ``driver_lock`` for what is done instead.
"""

import errno
import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from longriver.pipeline.storage import Storage

Link = Callable[[str, str], None]

NO_LINKS = (errno.EINVAL, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EXDEV)
"""What a drive without hard links says when it is asked for one."""

_MEMORY_LOCK = threading.Lock()


def claims_to_create_exclusively(fs: Storage) -> bool:
    """Whether creating is one step, as far as the client's code tells; a server may not do it."""
    if fs.is_local or isinstance(fs.raw, MemoryFileSystem):
        return True
    name = "_pipe_file" if isinstance(fs.raw, AsyncFileSystem) else "pipe_file"
    own = getattr(type(fs.raw), name)
    is_default = own in (AbstractFileSystem.pipe_file, AsyncFileSystem._pipe_file)
    return not is_default and "mode" in inspect.signature(own).parameters


def create_exclusive(fs: Storage, path: str, data: bytes) -> bool:
    """Creates the file with this content; False, and nothing changed, if it is already there.

    A request that is repeated because its first answer was lost also gives False, on a file that
    is the caller's own: who must know looks inside.
    """
    if fs.is_local:
        return fs.again("create", lambda: create_local(path, data))
    if isinstance(fs.raw, MemoryFileSystem):
        with _MEMORY_LOCK:
            return fs.again("create", lambda: _create_remote(fs, path, data))
    return fs.again("create", lambda: _create_remote(fs, path, data))


def create_local(path: str, data: bytes, link: Link = os.link) -> bool:
    """``create_exclusive`` on local disk; ``link`` gives a file a second name, or refuses."""
    temporary = _write_temporary(path, data)
    try:
        link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _create_without_links(path, data)
    finally:
        os.unlink(temporary)
    sync_folder(path)
    return True


def write_atomic(fs: Storage, path: str, data: bytes) -> None:
    """Writes the file, replacing an older one; readers see the old content or the new."""
    if fs.is_local:
        fs.again("write", lambda: _replace_local(path, data))
    else:
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(path, data)


def sync_folder(path: str) -> None:
    """Makes the name of a local file survive a power cut."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace_local(path: str, data: bytes) -> None:
    temporary = _write_temporary(path, data)
    try:
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    sync_folder(path)


def _write_temporary(path: str, data: bytes) -> str:
    """A flushed file beside ``path``; its name begins with a dot, so no listing takes it."""
    target = Path(path)
    temporary = str(target.with_name(f".{target.name}.{uuid4().hex}.tmp"))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_new(temporary, data)
    except FileNotFoundError:  # a driver that let its lock go has just removed the empty folder
        target.parent.mkdir(parents=True, exist_ok=True)
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
    """Leaves nothing where the disk is full."""
    with open(path, "xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.unlink(path)
            raise


def _create_remote(fs: Storage, path: str, data: bytes) -> bool:
    fs.makedirs(path.rpartition("/")[0], exist_ok=True)
    try:
        fs.raw.pipe_file(path, data, mode="create")
    except Exception:  # a store's own errors, such as botocore's, are not all of them OSErrors
        if not fs.exists(path):
            raise
        return False
    return True
