"""A storage as longriver uses it: a dozen calls, each tried again where that can help."""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar, cast

import pyarrow.fs as pafs
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from longriver.engine.errors import RunFailed
from longriver.pipeline.one_line import one_line
from longriver.pipeline.patience import Patience
from longriver.pipeline.patient_reader import PatientReader
from longriver.pipeline.transient import is_transient

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

WAYS_OUT = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EFBIG: "use a storage that takes larger files",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
    errno.EROFS: "make it writable",
}
"""What is left to a person when a storage refuses for good."""

WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"})


class Storage:
    """Wraps a file system of fsspec, whose names and signatures its methods have.

    No listing is answered from a cache, and an error is never taken for "not there".

    Args:
        label: how messages name it, such as ``output.path=s3://bucket/run``.
    """

    def __init__(
        self, fs: AbstractFileSystem, label: str, patience: Patience | None = None
    ) -> None:
        self.raw, self.label = fs, label
        self.patience = patience or Patience()
        self.protocol = fs.protocol
        self._told: set[tuple[str, type[Exception]]] = set()

    @property
    def is_local(self) -> bool:
        """Whether it is this machine's own."""
        return isinstance(self.raw, LocalFileSystem)

    @property
    def arrow(self) -> pafs.FileSystem:
        """The same storage, and the same patience, to Arrow's readers."""
        if self.is_local:
            return pafs.LocalFileSystem()
        return pafs.PyFileSystem(pafs.FSSpecHandler(self))

    def unstrip_protocol(self, path: str) -> str:
        return str(self.raw.unstrip_protocol(path))

    def invalidate_cache(self, path: str | None = None) -> None:
        self.raw.invalidate_cache(path)

    def info(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.again("info", lambda: self.raw.info(path))
        return found

    def exists(self, path: str) -> bool:
        """Whether it is there now, not when its folder was last listed."""
        return self._type(path) is not None

    def isfile(self, path: str) -> bool:
        return self._type(path) == "file"

    def isdir(self, path: str) -> bool:
        return self._type(path) == "directory"

    def ls(self, path: str, detail: bool = True) -> list[Any]:
        """What is in a folder; raises FileNotFoundError."""
        self.raw.invalidate_cache(path)
        return list(self.again("ls", lambda: self.raw.ls(path, detail=detail)))

    def find(self, path: str, detail: bool = False) -> Any:
        """Every file below a folder; nothing where there is no folder."""
        self.raw.invalidate_cache(path)
        return self.again("find", lambda: self.raw.find(path, detail=detail))

    def glob(self, pattern: str, detail: bool = False) -> Any:
        return self.again("glob", lambda: self.raw.glob(pattern, detail=detail))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        return bytes(self.again("read", lambda: self.raw.cat_file(path, start=start, end=end)))

    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        """Opens a file; a read that fails is tried again where it began.

        A write that fails loses the file, because what went before cannot be written again.
        """
        opened: BinaryIO = self.again("open", lambda: self.raw.open(path, mode))
        return cast(BinaryIO, PatientReader(opened, self.again)) if mode == "rb" else opened

    def pipe_file(self, path: str, value: bytes) -> None:
        """Writes a file, replacing an older one."""
        self.again("write", lambda: self.raw.pipe_file(path, value))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Object stores have no folders; s3fs would make a bucket if it failed to see this one."""
        protocols = {self.protocol} if isinstance(self.protocol, str) else set(self.protocol)
        if protocols.isdisjoint(WITHOUT_FOLDERS):
            self._makedirs(path, exist_ok)

    def _makedirs(self, path: str, exist_ok: bool) -> None:
        self.again("makedirs", lambda: self.raw.makedirs(path, exist_ok=exist_ok))

    def rm_file(self, path: str) -> None:
        """Removes a file; where its answer is lost, a second try may find it gone."""
        self.again("rm", lambda: self.raw.rm_file(path))

    def rm(self, path: str, recursive: bool = False) -> None:
        self.raw.invalidate_cache(path)
        self.again("rm", lambda: self.raw.rm(path, recursive=recursive))

    def again(self, what: str, function: Callable[[], Result]) -> Result:
        """Calls a function, which may be called any number of times, until it answers.

        Raises:
            OSError: also where the store's client has other classes for what the network does.
        """
        with _network_errors():
            return self.patience.call(function, lambda error: self._tell(what, error))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Says in one line what no second try would change: a full disk, a missing permission.

        Raises:
            RunFailed: in place of such an ``OSError``.
        """
        try:
            with _network_errors():
                yield
        except OSError as error:
            number = errno.EACCES if isinstance(error, PermissionError) else error.errno
            way_out = WAYS_OUT.get(number or 0)
            if way_out is None or is_transient(error):
                raise
            raise RunFailed(
                f"{self.label}: {error.strerror or one_line(error)}; {way_out} and run the same "
                "command again, what is committed stays"
            ) from error

    def _type(self, path: str) -> str | None:
        self.raw.invalidate_cache(path)
        try:
            return str(self.info(path)["type"])
        except (FileNotFoundError, NotADirectoryError) as error:
            if is_transient(error):
                raise
            return None

    def _tell(self, what: str, error: Exception) -> None:
        """Warns of every kind of trouble once; a bad hour would fill the log otherwise."""
        kind = (what, type(error))
        level = logging.DEBUG if kind in self._told else logging.WARNING
        self._told.add(kind)
        words = "%s: %s failed with %s: %s; trying again"
        logger.log(level, words, self.label, what, type(error).__name__, one_line(error))


@contextmanager
def _network_errors() -> Iterator[None]:
    """Makes an OSError of what is one: who catches it need not know every store's client."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if not is_transient(error):
            raise
        raise ConnectionError(f"{type(error).__name__}: {one_line(error)}") from error
