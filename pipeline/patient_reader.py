"""An open file whose reads are tried again from where they began."""

import io
from collections.abc import Callable
from typing import IO, Any

Again = Callable[[str, Callable[[], Any]], Any]


class PatientReader(io.BufferedIOBase):
    """Reads through ``again``, which calls a function until it answers.

    A read that broke off may have moved the file on, so each further try seeks first. The file is
    not opened anew: a store that holds a reader to the version that it opened goes on doing so.
    """

    def __init__(self, file: IO[bytes], again: Again) -> None:
        self._file, self._again = file, again
        self._position = file.tell()
        self._is_lost = False

    def read(self, size: int | None = -1, /) -> bytes:
        data: bytes = self._again("read", lambda: self._read(-1 if size is None else size))
        self._position += len(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._file.seek(offset, whence)
        self._position, self._is_lost = self._file.tell(), False
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, size: int) -> bytes:
        if self._is_lost:
            self._file.seek(self._position)
        self._is_lost = True
        data = self._file.read(size)
        self._is_lost = False
        return data
