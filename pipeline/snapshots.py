"""Snapshots of long documents in flight: taken as an attempt goes on, found by the next one."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from longriver.engine.saved import Arrays, inside, taken_from, unpacked
from longriver.engine.snapshot import Snapshot
from longriver.pipeline.arrow_schema import arrow_schema
from longriver.pipeline.document import Document
from longriver.pipeline.job import TableRow
from longriver.pipeline.one_line import one_line
from longriver.pipeline.order import recorded
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.snapshot_file import FOLDER, NAME, SnapshotFile, identity
from longriver.pipeline.snapshot_rows import checked, rows_of
from longriver.pipeline.table import Table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot from which a document can go on.

    job: what its accumulator remembered.
    """

    folder: RunFolder
    file: SnapshotFile
    snapshot: Snapshot
    job: Arrays

    def rows(self) -> Iterator[list[TableRow]]:
        """All that the document had let out by then, some rows at a time."""
        for entry in self.file.rows:
            yield from rows_of(self.folder, entry)


def _nothing() -> None:
    """Nobody wants to know."""


class ShardSnapshots:
    """The snapshots of one shard.

    What goes wrong with them costs no more than reading again what they would have saved, so it
    is said once, in a line of the log, and no error.

    Args:
        attempt: names the attempt, whose files no other attempt writes.
        every: tokens of a document between two snapshots.
        on_saved: told whenever there is a new one.
    """

    def __init__(
        self,
        folder: RunFolder,
        shard: str,
        attempt: str,
        tables: Iterable[Table],
        every: int,
        on_saved: Callable[[], None] = _nothing,
    ) -> None:
        self.folder, self.shard, self.attempt, self.every = folder, shard, attempt, every
        self.on_saved = on_saved
        self.schemas = {name: arrow_schema(c) for name, c in recorded(tables).items()}
        self.has_complained = False
        self.names = self._list()

    def newest(self, index: int, document: Document) -> Found | None:
        """The newest whole snapshot of a document, if there is one."""
        for name in self.names.get(index, []):
            with self.forgiving(f"snapshot {self.shard}/{name} is passed over"):
                return self._read(name, index, document)
        return None

    def forget(self, index: int) -> None:
        """Removes the snapshots of a document that is another one now."""
        for name in self.names.pop(index, []):
            with self.forgiving("a snapshot cannot be removed"):
                self.folder.fs.rm_file(self.folder.path(FOLDER, self.shard, name))

    def remove(self) -> None:
        """Removes all of the shard's snapshots, those of other attempts too, once it is done."""
        with self.forgiving("snapshots cannot be removed"):
            for path in _files(self.folder, self.shard):
                self.folder.fs.rm_file(path)

    @contextmanager
    def forgiving(self, what: str) -> Iterator[None]:
        """Says what a storage refuses, once; every one has errors of its own."""
        try:
            yield
        except Exception as error:
            if not self.has_complained:
                logger.warning("%s (%s); going on without", what, one_line(error))
            self.has_complained = True

    def _list(self) -> dict[int, list[str]]:
        """Names of last files by document, the newest first."""
        found: list[tuple[int, int, str]] = []
        with self.forgiving("snapshots cannot be listed"):
            for path in _files(self.folder, self.shard):
                name = path.rpartition("/")[2]
                if match := NAME.fullmatch(name):
                    found.append((int(match[1]), int(match[2]), name))
        names: dict[int, list[str]] = {}
        for index, _, name in sorted(found, reverse=True):
            names.setdefault(index, []).append(name)
        return names

    def _read(self, name: str, index: int, document: Document) -> Found:
        content = self.folder.fs.cat_file(self.folder.path(FOLDER, self.shard, name))
        file = SnapshotFile.from_json(content)
        if (file.shard, file.index, file.document) != (self.shard, index, identity(document)):
            raise ValueError(f"it is of document {file.index} {file.document}")
        arrays = unpacked(checked(self.folder, file.arrays, file.sha256))
        for entry in file.rows:
            checked(self.folder, entry.path, entry.sha256)
        snapshot = Snapshot.restore(taken_from(arrays, "engine"))
        return Found(self.folder, file, snapshot, taken_from(arrays, "job"))


def remembered(snapshot: Snapshot, job: Arrays) -> Arrays:
    """What ``ShardSnapshots`` reads back, as one set of arrays."""
    return {**inside("engine", snapshot.save()), **inside("job", job)}


def _files(folder: RunFolder, shard: str) -> list[str]:
    return sorted(folder.fs.find(folder.path(FOLDER, shard)))
