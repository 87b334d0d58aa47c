"""Lets one process of a machine do what several want done; the others wait."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock by the name of a file; a process that dies lets it go.

    Where there are no such locks everybody gets in at once: what is done must bear that.
    """
    with path.open("w") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # not on Windows

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
