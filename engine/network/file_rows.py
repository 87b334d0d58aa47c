"""Single rows of a table that stays in its file: read, not mapped.

A row that is looked up in a mapped file brings a whole folio of the system's cache into the
process, up to 2 MB, so that some hundred rows bring in the table.
"""

import os
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.engine.network.paging import mapping

# R rows · V entries · D width

SMALLEST = 1 << 24
"""Bytes of a table from which its memory is worth a microsecond a row."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FileRows:
    """A table [V, D] in a file.

    descriptor: of the open file, which is closed with the last reference to this.
    offset:     bytes before the table.
    """

    path: str
    descriptor: int
    offset: int
    table: Tensor

    @staticmethod
    def of(table_VD: Tensor) -> "FileRows | None":
        """None for what is small, in memory, has gaps, or lies in a file that has gone."""
        found = mapping(table_VD)
        if found is None or not table_VD.is_contiguous() or table_VD.nbytes < SMALLEST:
            return None
        try:
            descriptor = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        rows = FileRows(found.path, descriptor, found.offset, table_VD)
        weakref.finalize(rows, os.close, descriptor)
        return rows if os.fstat(descriptor).st_ino == found.inode else None

    def __call__(self, ids_R: Tensor) -> Tensor:
        """Rows [R, D] in the number type of the table.

        Raises:
            IndexError: an id is not in the table.
            OSError: the file has become shorter, or cannot be read.
        """
        num_entries, width = self.table.shape
        rows = torch.empty(len(ids_R), width, dtype=self.table.dtype)
        size = width * rows.element_size()
        for place, id_ in zip(rows.view(torch.uint8).numpy(), ids_R.tolist(), strict=True):
            if not 0 <= id_ < num_entries:
                raise IndexError(f"token {id_} is not among {num_entries}")
            if os.preadv(self.descriptor, [place], self.offset + id_ * size) != size:
                raise OSError(f"{self.path} has become shorter while it was read")
        return rows
