"""A document's bytes put aside on the local disk, for who reads it a second time."""

import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import IO

from longriver.pipeline.document import CHUNK_BYTES


class Spool:
    """Bytes in, and out again once; they lie in a nameless file where ``TMPDIR`` says.

    Whatever becomes of the document, the file goes with this object.

    Args:
        new_file: called for the file when the first bytes come.
    """

    def __init__(self, new_file: Callable[[], IO[bytes]] = tempfile.TemporaryFile) -> None:
        self._new_file = new_file
        self._file: IO[bytes] | None = None

    def write(self, data: bytes | memoryview) -> None:
        if self._file is None:
            self._file = self._new_file()
            weakref.finalize(self, self._file.close)
        self._file.write(data)

    def read(self) -> Iterator[bytes]:
        """All of it from the first byte on; then the file is gone."""
        if self._file is None:
            return
        self._file.seek(0)
        while piece := self._file.read(CHUNK_BYTES):
            yield piece
        self._file.close()
