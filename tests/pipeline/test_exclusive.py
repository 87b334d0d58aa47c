"""Files that appear whole or not at all, and at most once."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from longriver.pipeline.exclusive import create_exclusive, create_local, write_atomic
from longriver.pipeline.run_folder import RunFolder
from tests.pipeline.stores import patient

NUM_WRITERS = 50


class RefusingStore(MemoryFileSystem):
    """Answers a refused create as s3fs does: with an OSError that is no FileExistsError."""

    cachable = False

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create" and self.exists(path):
            raise OSError(errno.EINVAL, "At least one of the pre-conditions did not hold")
        super().pipe_file(path, value, mode=mode, **kwargs)


class BrokenStore(MemoryFileSystem):
    """Writes nothing."""

    cachable = False

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        raise OSError(errno.EBUSY, "SlowDown")


def refuse_link(source: str, target: str) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted", target)


def test_the_second_create_changes_nothing(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    assert create_exclusive(folder.fs, folder.path("x"), b"first")
    assert not create_exclusive(folder.fs, folder.path("x"), b"second")
    assert folder.fs.cat_file(folder.path("x")) == b"first"


def test_of_many_racing_writers_one_wins_and_its_content_is_whole(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    contents = [bytes([65 + n]) * 100_000 for n in range(NUM_WRITERS)]
    barrier = Barrier(NUM_WRITERS)

    def write(data: bytes) -> bool:
        barrier.wait()
        return create_exclusive(folder.fs, folder.path("x"), data)

    with ThreadPoolExecutor(NUM_WRITERS) as pool:
        won = list(pool.map(write, contents))
    assert won.count(True) == 1
    assert folder.fs.cat_file(folder.path("x")) == contents[won.index(True)]


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    fs = patient(LocalFileSystem())
    create_exclusive(fs, f"{tmp_path}/x", b"1")
    create_exclusive(fs, f"{tmp_path}/x", b"2")
    write_atomic(fs, f"{tmp_path}/x", b"3")
    assert os.listdir(tmp_path) == ["x"]


def test_a_drive_without_hard_links_is_still_exclusive(tmp_path: Path) -> None:
    assert create_local(f"{tmp_path}/x", b"first", link=refuse_link)
    assert not create_local(f"{tmp_path}/x", b"second", link=refuse_link)
    assert (tmp_path / "x").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["x"]


def test_a_refusal_without_a_name_counts_as_one_when_the_file_is_there() -> None:
    fs = patient(RefusingStore())
    path = "/refusing/x"
    assert create_exclusive(fs, path, b"first")
    assert not create_exclusive(fs, path, b"second")
    assert fs.cat_file(path) == b"first"


def test_an_error_that_left_no_file_is_an_error() -> None:
    with pytest.raises(OSError, match="SlowDown"):
        create_exclusive(patient(BrokenStore()), "/broken/x", b"data")


def test_write_atomic_replaces(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    for data in (b"old and longer", b"new"):
        write_atomic(folder.fs, folder.path("deep", "x"), data)
        assert folder.fs.cat_file(folder.path("deep", "x")) == data


def test_fsspec_still_knows_exclusive_creation() -> None:
    """The default for storages that say nothing of their own looks first and writes then."""
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/known/x", b"1", mode="create")
    with pytest.raises(FileExistsError):
        fs.pipe_file("/known/x", b"2", mode="create")
    fs.rm("/known/x")
