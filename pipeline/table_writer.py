"""One result table of one attempt: rows go in, a hashed Parquet file comes out."""

import errno
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longriver.pipeline.exclusive import sync_folder
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.storage import Storage
from longriver.pipeline.table import Row

GROUP_ROWS = 16384
GROUP_BYTES = 16 << 20
"""A row group is written when it has so many rows, or about so many bytes of values."""


WHOLE_BYTES = 16 << 20


class CutOff(OSError):
    """A store kept less of a file than was written, and said nothing."""


class HashingFile:
    """A file opened for writing that knows the sha256 and length of what went through it.

    In a store a small file is one request, which can be repeated; only what grows beyond
    ``WHOLE_BYTES`` is sent in parts, whose failure costs the attempt.
    """

    def __init__(self, fs: Storage, path: str) -> None:
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs, self._path = fs, path
        self._file: IO[bytes] = fs.open(path, "wb") if fs.is_local else io.BytesIO()
        self._is_whole = not fs.is_local
        self._hash = sha256()
        self.num_bytes = 0

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes | memoryview) -> int:
        self._hash.update(data)
        self.num_bytes += len(data)
        if self._is_whole and self.num_bytes > WHOLE_BYTES:
            self._send_in_parts()
        return self._file.write(data)

    def tell(self) -> int:
        return self.num_bytes

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Closes the file; on local disk its bytes have then survived a power cut.

        Raises:
            CutOff: a store has not kept all of it.
        """
        if self.closed:
            return
        self._file.flush()
        if self._fs.is_local:
            os.fsync(self._file.fileno())
            self._file.close()
            sync_folder(self._path)
            return
        if isinstance(self._file, io.BytesIO):
            self._fs.pipe_file(self._path, self._file.getvalue())
        self._file.close()
        self._check_length()

    def discard(self) -> None:
        """Closes the file and removes what there is of it."""
        if self._is_whole and not self.closed:
            self._file.close()
            return
        with suppress(Exception):
            self._file.close()
        self._fs.rm_file(self._path)

    def _send_in_parts(self) -> None:
        assert isinstance(self._file, io.BytesIO)
        begun = self._file.getvalue()
        self._file, self._is_whole = self._fs.open(self._path, "wb"), False
        self._file.write(begun)

    def _check_length(self) -> None:
        self._fs.invalidate_cache(self._path)
        found = self._fs.info(self._path)["size"]
        if found != self.num_bytes:
            raise CutOff(errno.EIO, f"{found} of {self.num_bytes} bytes were kept", self._path)


class TableWriter:
    """Writes rows to a Parquet file; the same rows and schema give the same bytes.

    The file begins with the first full row group: a table without rows leaves none. Memory holds
    one row group, whatever the number of rows.
    """

    def __init__(
        self, fs: Storage, path: str, schema: pa.Schema, group_bytes: int = GROUP_BYTES
    ) -> None:
        self.num_rows = 0
        self._fs = fs
        self._path = path
        self._schema = schema
        self._group_bytes = group_bytes
        self._file: HashingFile | None = None
        self._parquet: pq.ParquetWriter | None = None
        self._empty_group()

    def write(self, row: Row) -> None:
        """Takes a row with a value, or None, for every column and for no other."""
        assert row.keys() == self._columns.keys(), row.keys() ^ self._columns.keys()
        for name, value in row.items():
            self._columns[name].append(value)
            self._num_bytes += _num_bytes(value)
        self._num_rows += 1
        if self._num_rows == GROUP_ROWS or self._num_bytes >= self._group_bytes:
            self._write_group()

    def close(self, table: str, relative_path: str) -> FileEntry | None:
        """Ends the file and says what a receipt says of it; None if there was no row."""
        if self._num_rows:
            self._write_group()
        if self._file is None or self._parquet is None:
            return None
        with self._fs.writing():
            self._parquet.close()
            self._file.close()
        return FileEntry(
            table, relative_path, self.num_rows, self._file.num_bytes, self._file.sha256
        )

    def abort(self) -> None:
        """Removes what was written; what cannot be removed is an orphan that no reader follows.

        Whatever goes wrong here hides no other error: an attempt is aborted because of one.
        """
        if self._file is None:
            return
        with suppress(Exception):
            if self._parquet is not None:
                self._parquet.close()
        with suppress(Exception):
            self._file.discard()
        self._file = self._parquet = None

    def _write_group(self) -> None:
        arrays = [pa.array(self._columns[f.name], f.type) for f in self._schema]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        with self._fs.writing():
            self._begun().write_batch(batch, row_group_size=batch.num_rows)
        self.num_rows += batch.num_rows
        self._empty_group()

    def _begun(self) -> pq.ParquetWriter:
        if self._parquet is None:
            self._file = HashingFile(self._fs, self._path)
            self._parquet = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        return self._parquet

    def _empty_group(self) -> None:
        self._columns: Mapping[str, list[object]] = {name: [] for name in self._schema.names}
        self._num_rows = 0
        self._num_bytes = 0


def _num_bytes(value: object) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, list):
        return 40 * len(value)
    return len(value) if isinstance(value, str) else 8
