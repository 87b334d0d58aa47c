"""A run folder: where everything of a run lies, on any storage that fsspec reaches."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import fsspec

from longriver.engine.errors import OrderError
from longriver.pipeline.exclusive import create_exclusive, write_atomic
from longriver.pipeline.one_line import one_line
from longriver.pipeline.order import Order, check_same_order
from longriver.pipeline.storage import Storage
from longriver.pipeline.storage_options import NO_OPTIONS, StorageOptions, disclosed

LOCK = "lock"
"""The folder of the driver's lock, inside the run folder."""

SWEEP_PAGE = "sweep.html"
"""The page of several runs, beside their folders."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder by its storage and root.

    url:     how the user wrote it.
    setting: where the user wrote it.
    """

    url: str
    fs: Storage
    root: str
    setting: str = "output.path"

    @classmethod
    def open(
        cls, url: str, options: StorageOptions = NO_OPTIONS, setting: str = "output.path"
    ) -> "RunFolder":
        """Finds the storage; reads and writes nothing. Workers open the same url."""
        name = f"{setting}={url}"
        with _storage_errors(name, "cannot be opened", "give a local folder or a URL"):
            fs, root = fsspec.core.url_to_fs(url, **disclosed(options))
        return cls(url, Storage(fs, name), root.rstrip("/"), setting)

    @property
    def name(self) -> str:
        """How messages name it, such as ``output.path=runs/books``."""
        return f"{self.setting}={self.url}"

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
    def lock_path(self) -> str:
        return self.path(LOCK)

    @property
    def summary_path(self) -> str:
        return self.path("summary.json")

    @property
    def report_path(self) -> str:
        return self.path("report.html")

    @property
    def success_path(self) -> str:
        return self.path("_SUCCESS")

    def exists(self, path: str) -> bool:
        """Whether the file is there now, not when its folder was last listed."""
        return self.fs.exists(path)

    def create(self, path: str, data: bytes) -> bool:
        """Creates a file exclusively; RunFailed where the storage is full or may not be written."""
        with self.fs.writing():
            return create_exclusive(self.fs, path, data)

    def replace(self, path: str, data: bytes) -> None:
        """Writes a file whole; RunFailed where the storage is full or may not be written."""
        with self.fs.writing():
            write_atomic(self.fs, path, data)

    def has_succeeded(self) -> bool:
        return self.exists(self.success_path)

    def read_order(self) -> Order:
        """The order that this folder was started with."""
        with self.told("has no run.json that can be read", "name the folder of a run"):
            data = self.fs.cat_file(self.order_path)
        try:
            return Order.from_json(data)
        except ValueError as error:
            raise OrderError(
                f"{self.name}: run.json cannot be used, {one_line(error)}; "
                "use the longriver that wrote it, or another output.path"
            ) from error

    def started_order(self) -> Order | None:
        """The order that this folder was started with, None where nothing has been started."""
        with self.told("cannot be read", "give a folder that this user may read"):
            is_started = self.exists(self.order_path)
        return self.read_order() if is_started else None

    def claim(self, order: Order) -> Order:
        """Starts the run, or finds it started by the same order; returns the order on record.

        Of two drivers that race, the loser reads what the winner wrote. Raises PlanMismatch when
        the folder holds another order, OrderError when it holds something else or cannot be
        written.
        """
        self.refuse_foreign()
        with self.told("cannot be written", "give a folder that this user may write"):
            if not self.exists(self.order_path):
                create_exclusive(self.fs, self.order_path, order.to_json())
        started = self.read_order()
        check_same_order(self.url, started, order)
        return started

    def refuse_foreign(self) -> None:
        """Refuses a folder that holds other things than a run."""
        with self.told("cannot be used", "give a folder that this user may write"):
            names = self._names()
            if names and "run.json" not in names and not self.exists(self.order_path):
                raise OrderError(
                    f"{self.name}: has no run.json but other files, such as "
                    f"{min(names)}; give a new or empty folder, or that of an earlier run"
                )

    def told(self, what: str, way_out: str) -> AbstractContextManager[None]:
        """Turns a storage's refusal into an OrderError of one line."""
        return _storage_errors(self.name, what, way_out)

    def _names(self) -> set[str]:
        """What lies in the folder; the lock, and names with a dot in front, do not count."""
        if self.fs.isfile(self.root):
            raise NotADirectoryError("it is a file")
        try:
            paths = {path.rstrip("/") for path in self.fs.ls(self.root, detail=False)}
        except FileNotFoundError:
            return set()
        names = {path.rpartition("/")[2] for path in paths - {self.root}}
        return {name for name in names - {LOCK} if not name.startswith(".")}


@contextmanager
def _storage_errors(name: str, what: str, way_out: str) -> Iterator[None]:
    """Says a storage's refusal in one line.

    Any exception counts: missing S3 credentials, say, are no OSError, and every storage has classes
    of its own that are not installed here.
    """
    try:
        yield
    except OrderError:
        raise
    except Exception as error:
        raise OrderError(f"{name}: {what} ({one_line(error)}); {way_out}") from error
