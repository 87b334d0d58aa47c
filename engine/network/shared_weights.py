"""Lets the workers of a machine share one float32 copy of a checkpoint, which the system caches.

Copies are files in ``$LONGRIVER_CACHE/weights``, else ``$XDG_CACHE_HOME/longriver/weights``, else
``~/.cache/longriver/weights``; they may be deleted at any time. Workers map them, so that pages are
in memory once.
"""

import contextlib
import json
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.network.paging import let_go
from longriver.engine.weights import Tensors, fingerprint

logger = logging.getLogger(__name__)

FORMAT = "1"
LEAST_BYTES = 64 << 20
"""Of the copy: smaller ones are not worth a file."""
BLOCK = 1 << 20
"""Numbers that are converted together."""
LOOKED_UP = "emb.weight"
"""Rows of it are looked up as they are in the checkpoint, which is mapped as well."""


def shared(
    model: ModelConfig,
    tensors: Tensors,
    cache: Path | None = None,
    *,
    least_bytes: int = LEAST_BYTES,
) -> Tensors:
    """The same tensors, matrices as float32 in a file that all workers of this user map.

    Where there can be no such file they stay what they are, which is said once.

    Args:
        cache: the folder to keep files in; by default as in this module's docstring.
        least_bytes: a smaller copy is not made.
    """
    chosen = {key: x for key, x in tensors.items() if _is_converted(key, x)}
    num_bytes = sum(4 * x.numel() for x in chosen.values())
    if num_bytes < least_bytes:
        return tensors
    try:
        folder = _private_folder(cache or _default_cache())
        place = folder / f"{fingerprint(model)}-float32-{FORMAT}.safetensors"
        with _locked(place.with_suffix(".lock")):
            if not _is_ours(place):
                _write(chosen, place, num_bytes)
        return tensors | _mapped(place, chosen)
    except (OSError, SafetensorError) as error:
        logger.warning("weights are not shared with other workers of this machine: %s", error)
        return tensors


def _is_converted(key: str, x: Tensor) -> bool:
    return key != LOOKED_UP and x.ndim >= 2 and x.dtype in (torch.bfloat16, torch.float16)


def _default_cache() -> Path:
    named = os.environ.get("LONGRIVER_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(named or f"{home}/longriver").expanduser() / "weights"


def _private_folder(folder: Path) -> Path:
    """What another user could write to is no place for weights."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_others(folder, folder.stat())
    return folder


def _refuse_others(place: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{place} belongs to another user, or others may write to it")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process writes, the others wait; where there are no locks each writes its own, whole."""
    with path.open("w") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # not on Windows

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_ours(place: Path) -> bool:
    """Whether there is a copy; a link or the like is none, and will be replaced."""
    if not place.is_file() or place.is_symlink():
        return False
    _refuse_others(place, place.lstat())
    return True


def _write(tensors: Tensors, place: Path, num_bytes: int) -> None:
    free = shutil.disk_usage(place.parent).free
    if free < 2 * num_bytes:
        raise OSError(f"{place.parent} has {free:,} bytes left, of which they want {num_bytes:,}")
    logger.info("writing float32 weights to %s, for all workers of this machine", place)
    part = place.with_suffix(f".{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            _dump(tensors, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _dump(tensors: Tensors, file: BinaryIO) -> None:
    """The format of safetensors, a block at a time, as its own writer wants all in memory."""
    header, begin = {}, 0
    for key, x in tensors.items():
        end = begin + 4 * x.numel()
        header[key] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64 + 56)
    file.write(len(text).to_bytes(8, "little") + text)
    for x in tensors.values():
        for block in torch.split(x.reshape(-1), BLOCK):
            file.write(block.float().numpy().data)
        let_go(x)


def _mapped(place: Path, expected: Tensors) -> Tensors:
    with safe_open(place, framework="pt") as opened:
        found = {key: opened.get_tensor(key) for key in expected}
    for key, x in expected.items():
        if found[key].shape != x.shape or found[key].dtype != torch.float32:
            raise OSError(f"{place} holds another {key} than the checkpoint; delete it")
    return found
