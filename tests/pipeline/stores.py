"""Stores that fail in every way that stores do, and a patience that waits for none of it."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from longriver.pipeline.patience import Patience
from longriver.pipeline.storage import Storage

Fault = Callable[[], Exception]


def no_wait(seconds: float) -> None: ...


HASTY = Patience(sleep=no_wait)


def patient(fs: AbstractFileSystem, label: str = "output.path=test") -> Storage:
    """A storage whose waits take no time."""
    return Storage(fs, label, HASTY)


class HttpError(Exception):
    """What a client makes of an HTTP status, in botocore's form."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {}}


def slow_down() -> Exception:
    """Throttling, as s3fs says it: an OSError that was raised from the client's own error."""
    error = OSError(errno.EBUSY, "Please reduce your request rate.")
    error.__cause__ = HttpError(503)
    return error


TRANSIENT: dict[str, Fault] = {
    "throttled (503)": slow_down,
    "too many requests (429)": lambda: HttpError(429),
    "internal error (500)": lambda: HttpError(500),
    "bad gateway (502)": lambda: HttpError(502),
    "gateway timeout (504)": lambda: HttpError(504),
    "timeout": lambda: TimeoutError("timed out"),
    "connection reset": lambda: ConnectionResetError(errno.ECONNRESET, "reset by peer"),
    "broken pipe": lambda: BrokenPipeError(errno.EPIPE, "broken pipe"),
    "stale file handle": lambda: OSError(errno.ESTALE, "stale file handle"),
    "input/output error": lambda: OSError(errno.EIO, "input/output error"),
    "try again": lambda: BlockingIOError(errno.EAGAIN, "try again"),
}


class FaultyStore(MemoryFileSystem):
    """Does what it is told, unless a fault is due.

    faults: what befalls the next calls of a method, by its name, in order; a fault of "before"
            comes in place of the call, one of "after" in place of its answer.
    """

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, list[tuple[str, Exception]]] = {}
        self.num_faults = 0

    def befall(self, method: str, *errors: Exception, when: str = "before") -> None:
        self.faults.setdefault(method, []).extend((when, error) for error in errors)

    @contextmanager
    def _due(self, method: str) -> Iterator[None]:
        waiting = self.faults.get(method)
        when, error = waiting.pop(0) if waiting else ("", None)
        if error is not None:
            self.num_faults += 1
        if error is not None and when == "before":
            raise error
        yield
        if error is not None:
            raise error

    def info(self, path: str, **kwargs: Any) -> Any:
        with self._due("info"):
            return super().info(path, **kwargs)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        with self._due("ls"):
            return super().ls(path, detail=detail, **kwargs)

    def find(self, path: str, **kwargs: Any) -> Any:
        with self._due("find"):
            return super().find(path, **kwargs)

    def cat_file(self, path: str, **kwargs: Any) -> Any:
        with self._due("cat_file"):
            return super().cat_file(path, **kwargs)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        with self._due("pipe_file"):
            super().pipe_file(path, value, mode=mode, **kwargs)

    def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        with self._due("open"):
            return super().open(path, mode, **kwargs)

    def rm_file(self, path: str) -> None:
        with self._due("rm_file"):
            super().rm_file(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        with self._due("makedirs"):
            super().makedirs(path, exist_ok=exist_ok)


class MoodyStore(FaultyStore):
    """Fails at random, before a call or behind it, so often as its options say."""

    protocol = "moody"
    cachable = True

    def __init__(self, seed: int, percent: int) -> None:
        super().__init__()
        self.random, self.percent = Random(seed), percent

    @contextmanager
    def _due(self, method: str) -> Iterator[None]:
        is_due = self.random.randrange(100) < self.percent
        error = self.random.choice([*TRANSIENT.values()])() if is_due else None
        is_early = self.random.random() < 0.5
        self.num_faults += is_due
        if error is not None and is_early:
            raise error
        yield
        if error is not None:
            raise error


class OverwritingStore(MemoryFileSystem):
    """Takes a create for a write, as a storage may that never heard of modes."""

    cachable = False

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        super().pipe_file(path, value)
