"""Rows that a document has let out since its last snapshot: put aside, and read back."""

import io
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.pipeline.job import TableRow
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table_writer import TableWriter

MAX_ROWS = 16
"""Rows that are held as they are; more of them go to a file, whose writer holds a row group."""


class KeptRows:
    """The rows between two snapshots of one document.

    Args:
        schemas: of the tables, by name.
        path: of the files, relative to the folder, without ``-TABLE.parquet``.
    """

    def __init__(self, folder: RunFolder, schemas: Mapping[str, pa.Schema], path: str) -> None:
        self._folder, self._schemas, self._path = folder, schemas, path
        self._rows: list[TableRow] = []
        self._writers: dict[str, TableWriter] = {}

    def add(self, rows: Iterable[TableRow]) -> None:
        self._rows += rows
        if len(self._rows) > MAX_ROWS:
            self._write()

    def close(self) -> tuple[FileEntry, ...]:
        """Ends the files and says what is in them."""
        self._write()
        found = (w.close(table, self._file(table)) for table, w in self._writers.items())
        return tuple(entry for entry in found if entry is not None)

    def abort(self) -> None:
        """Forgets the rows; for a document that is done, or whose rows cannot be written."""
        self._rows.clear()
        for writer in self._writers.values():
            writer.abort()

    def _write(self) -> None:
        for table, row in self._rows:
            if table not in self._writers:
                path = self._folder.path(self._file(table))
                self._writers[table] = TableWriter(self._folder.fs, path, self._schemas[table])
            self._writers[table].write(row)
        self._rows.clear()

    def _file(self, table: str) -> str:
        return f"{self._path}-{table}.parquet"


def checked(folder: RunFolder, path: str, digest: str) -> bytes:
    """The content of a file of a snapshot.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what was written.
    """
    data: bytes = folder.fs.cat_file(folder.path(path))
    if sha256(data).hexdigest() != digest:
        raise ValueError(f"{path} is not what was written")
    return data


def rows_of(folder: RunFolder, entry: FileEntry) -> Iterator[list[TableRow]]:
    """The rows of a file, a row group at a time, as the job gave them: lists are arrays."""
    parquet = pq.ParquetFile(io.BytesIO(checked(folder, entry.path, entry.sha256)))
    for group in range(parquet.num_row_groups):
        found = parquet.read_row_group(group, use_threads=False)
        rows = zip(*map(_values, found.columns), strict=True)
        yield [(entry.table, dict(zip(found.column_names, row, strict=True))) for row in rows]


def _values(column: pa.ChunkedArray) -> list[object]:
    if not (pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)):
        values: list[object] = column.to_pylist()
        return values
    return [cell.values.to_numpy() if cell.is_valid else None for cell in column]
