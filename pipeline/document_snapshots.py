"""One long document's snapshots as an attempt takes them."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from longriver.engine.saved import Arrays, packed
from longriver.engine.snapshot import Snapshot
from longriver.pipeline.document import Document
from longriver.pipeline.exclusive import create_exclusive, write_atomic
from longriver.pipeline.job import TableRow
from longriver.pipeline.order import longriver_version
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.snapshot_file import SnapshotFile, identity, stem
from longriver.pipeline.snapshot_rows import KeptRows
from longriver.pipeline.snapshots import Found, ShardSnapshots, remembered

NUM_KEPT = 2
"""Snapshots of a document that stay: the newest, and one in case that it is damaged."""


class DocumentSnapshots:
    """Puts a document's rows aside and writes a snapshot whenever one is due.

    Args:
        found: the snapshot that the document went on from.
    """

    def __init__(
        self, shard: ShardSnapshots, index: int, document: Document, found: Found | None
    ) -> None:
        self._shard, self._index, self._document = shard, index, document
        self._files: tuple[FileEntry, ...] = () if found is None else found.file.rows
        self._rows = self._kept_rows(0 if found is None else found.file.num_tokens)
        self._is_complete = True
        self._written = deque([] if found is None else [found.file])

    def add(self, rows: Iterable[TableRow]) -> None:
        """Takes what the document lets out; a row that cannot be put aside ends its snapshots."""
        if self._is_complete:
            with self._all_or_none():
                self._rows.add(rows)

    def save(self, snapshot: Snapshot, job: Arrays) -> None:
        """Writes a snapshot, which counts as soon as its last file is there."""
        if self._is_complete:
            with self._all_or_none():
                self._files += self._rows.close()
                self._rows = self._kept_rows(snapshot.place.num_tokens)
        if self._is_complete:
            with self._shard.forgiving("a snapshot cannot be written"):
                self._write(snapshot, job)
                self._shard.on_saved()

    def abort(self) -> None:
        """Removes the rows that no snapshot names; for a document that is done, or given up."""
        self._rows.abort()

    def _kept_rows(self, num_tokens: int) -> KeptRows:
        return KeptRows(self._shard.folder, self._shard.schemas, self._stem(num_tokens))

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        """Rows of which one is missing are good for nothing."""
        self._is_complete = False
        with self._shard.forgiving("rows for a snapshot cannot be written"):
            yield
            self._is_complete = True
        if not self._is_complete:
            self._rows.abort()

    def _write(self, snapshot: Snapshot, job: Arrays) -> None:
        content, path = packed(remembered(snapshot, job)), self._stem(snapshot.place.num_tokens)
        file = SnapshotFile(
            shard=self._shard.shard,
            index=self._index,
            document=identity(self._document),
            num_tokens=snapshot.place.num_tokens,
            arrays=f"{path}.safetensors",
            sha256=sha256(content).hexdigest(),
            rows=self._files,
            longriver_version=longriver_version(),
        )
        folder = self._shard.folder
        write_atomic(folder.fs, folder.path(file.arrays), content)
        create_exclusive(folder.fs, folder.path(f"{path}.json"), file.to_json())
        self._written.append(file)
        while len(self._written) > NUM_KEPT:
            self._remove(self._written.popleft())

    def _remove(self, file: SnapshotFile) -> None:
        """Its rows stay: all later snapshots need them."""
        folder, path = self._shard.folder, file.arrays.removesuffix(".safetensors")
        for name in (f"{path}.json", file.arrays):
            folder.fs.rm_file(folder.path(name))

    def _stem(self, num_tokens: int) -> str:
        return stem(self._shard.shard, self._index, num_tokens, self._shard.attempt)
