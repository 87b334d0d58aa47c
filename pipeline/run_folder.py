"""A run folder: where everything of a run lies, on any storage that fsspec reaches."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import fsspec
from fsspec import AbstractFileSystem

from longriver.engine.errors import OrderError
from longriver.pipeline.damage import one_line
from longriver.pipeline.exclusive import create_exclusive
from longriver.pipeline.order import Order, check_same_order


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder by its storage and root; ``url`` is how the user wrote it."""

    url: str
    fs: AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str) -> "RunFolder":
        """Finds the storage; reads and writes nothing. Workers open the same url."""
        with _storage_errors(url, "cannot be opened", "give a local folder or a URL"):
            fs, root = fsspec.core.url_to_fs(url)
        return cls(url, fs, root.rstrip("/"))

    def path(self, *parts: str) -> str:
        """The storage path of something in the folder."""
        return "/".join((self.root, *parts))

    @property
    def absolute_url(self) -> str:
        """The same folder to a process in another working directory, such as a worker."""
        return str(self.fs.unstrip_protocol(self.root))

    @property
    def order_path(self) -> str:
        return self.path("run.json")

    @property
    def plan_path(self) -> str:
        return self.path("plan.parquet")

    @property
    def ledger_path(self) -> str:
        return self.path("ledger")

    @property
    def summary_path(self) -> str:
        return self.path("summary.json")

    @property
    def success_path(self) -> str:
        return self.path("_SUCCESS")

    def exists(self, path: str) -> bool:
        """Whether the file is there now, not when its folder was last listed."""
        self.fs.invalidate_cache(path)
        return bool(self.fs.exists(path))

    def has_succeeded(self) -> bool:
        return self.exists(self.success_path)

    def read_order(self) -> Order:
        """The order that this folder was started with."""
        with _storage_errors(
            self.url, "has no run.json that can be read", "name the folder of a run"
        ):
            data = self.fs.cat_file(self.order_path)
        try:
            return Order.from_json(data)
        except ValueError as error:
            raise OrderError(
                f"output.path={self.url}: run.json cannot be used, {one_line(error)}; "
                "use the longriver that wrote it, or another output.path"
            ) from error

    def started_order(self) -> Order | None:
        """The order that this folder was started with, None where nothing has been started."""
        with _storage_errors(self.url, "cannot be read", "give a folder that this user may read"):
            is_started = self.exists(self.order_path)
        return self.read_order() if is_started else None

    def claim(self, order: Order) -> Order:
        """Starts the run, or finds it started by the same order; returns the order on record.

        Of two drivers that race, the loser reads what the winner wrote. Raises PlanMismatch when
        the folder holds another order, OrderError when it holds something else or cannot be
        written.
        """
        with _storage_errors(
            self.url, "cannot be written", "give a folder that this user may write"
        ):
            if not self._is_started():
                self._start(order)
        started = self.read_order()
        check_same_order(self.url, started, order)
        return started

    def _is_started(self) -> bool:
        """Whether run.json is there; a folder with other things in it is refused."""
        names = self._names()
        if names and "run.json" not in names and not self.exists(self.order_path):
            raise OrderError(
                f"output.path={self.url}: has no run.json but other files, such as {min(names)}; "
                "give a new or empty folder, or that of an earlier run"
            )
        return bool(names)

    def _names(self) -> set[str]:
        """What lies in the folder; names with a dot in front do not count."""
        self.fs.invalidate_cache(self.root)
        if self.fs.isfile(self.root):
            raise NotADirectoryError("it is a file")
        try:
            paths = {path.rstrip("/") for path in self.fs.ls(self.root, detail=False)}
        except FileNotFoundError:
            return set()
        names = {path.rpartition("/")[2] for path in paths - {self.root}}
        return {name for name in names if not name.startswith(".")}

    def _start(self, order: Order) -> None:
        """Creates run.json, and tries the storage with a second attempt of the same bytes."""
        data = order.to_json()
        if not create_exclusive(self.fs, self.order_path, data):
            return
        if create_exclusive(self.fs, self.order_path, data):
            raise OrderError(
                f"output.path={self.url}: this storage overwrites where it should refuse, so "
                "results could be doubled; use a local disk or an object store such as s3://"
            )


@contextmanager
def _storage_errors(url: str, what: str, way_out: str) -> Iterator[None]:
    """Says a storage's refusal in one line.

    Any exception counts: missing S3 credentials, say, are no OSError, and every storage has classes
    of its own that are not installed here.
    """
    try:
        yield
    except OrderError:
        raise
    except Exception as error:
        raise OrderError(f"output.path={url}: {what} ({one_line(error)}); {way_out}") from error
