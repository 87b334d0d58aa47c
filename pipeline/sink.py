"""Where an attempt at a shard puts its rows, and where readers find those that were committed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from uuid import uuid4

import pyarrow.dataset as pads

from longriver.engine.errors import OrderError
from longriver.pipeline.arrow_schema import arrow_schema
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import recorded
from longriver.pipeline.receipt import FileEntry
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.storage_options import NO_OPTIONS, StorageOptions
from longriver.pipeline.table import DEAD, Row, Table
from longriver.pipeline.table_writer import GROUP_BYTES, TableWriter


class ShardSink:
    """The files of one attempt at a shard; nothing of them counts before a receipt names them.

    attempt: unlike any other attempt's; its first eight characters are in the file names, and
             nothing of it is in the files.
    """

    def __init__(
        self,
        folder: RunFolder,
        shard_name: str,
        tables: Iterable[Table],
        metadata: Mapping[str, str],
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self.attempt = uuid4().hex
        file_name = f"{shard_name}-{self.attempt[:8]}.parquet"
        self._paths = {name: f"{name}/{file_name}" for name in recorded(tables)}
        self._writers = {
            name: TableWriter(
                folder.fs,
                folder.path(self._paths[name]),
                arrow_schema(columns, metadata),
                group_bytes,
            )
            for name, columns in recorded(tables).items()
        }

    def write(self, table_name: str, row: Row) -> None:
        """Adds a row to one of the tables; it has every column of the table and no other."""
        self._writers[table_name].write(row)

    def write_dead(self, letter: DeadLetter) -> None:
        """Adds a document that could not be done to the dead-letter table."""
        self.write(DEAD.name, asdict(letter))

    def close(self) -> list[FileEntry]:
        """Ends the files and returns what a receipt says of them; tables without rows have none."""
        entries = (w.close(name, self._paths[name]) for name, w in self._writers.items())
        return [entry for entry in entries if entry is not None]

    def abort(self) -> None:
        """Removes this attempt's files; for an attempt that failed or came second."""
        for writer in self._writers.values():
            writer.abort()


def open_results(
    run_path: str, table: str, storage_options: StorageOptions = NO_OPTIONS
) -> pads.Dataset:
    """A result table of a run folder: what the ledger names, in document order, and nothing else.

    A run that is not finished gives the shards that are committed now.
    """
    return read_table(RunFolder.open(run_path, storage_options), table)


def read_table(folder: RunFolder, table: str) -> pads.Dataset:
    """``open_results`` of a folder that is open already."""
    tables = folder.read_order().tables
    if table not in tables:
        raise OrderError(f"{folder.url} has no table {table!r}; it has {', '.join(tables)}")
    receipts = Ledger(folder).read_all().values()
    entries = [entry for receipt in receipts for entry in receipt.files_of(table)]
    paths = [folder.path(entry.path) for entry in entries]
    schema = arrow_schema(tables[table])
    if not paths:
        return pads.dataset(schema.empty_table())
    return pads.dataset(paths, schema=schema, format="parquet", filesystem=folder.fs.arrow)
