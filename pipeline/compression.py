"""Streams that decompress as they are read."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import BinaryIO, Protocol

import zstandard

from longriver.pipeline.damage import TooLarge

SUFFIXES = (".gz", ".zst", ".bz2", ".xz")

FEED_BYTES = 1 << 10
"""Compressed bytes fed to zstd at once: its best ratio is near 1:32768, so 32 MiB come out."""

XZ_MEMORY = 256 << 20
"""Most that an xz stream may ask for; ``xz -9`` asks for 65 MiB. zstd has its own limit, a window
of 128 MiB, which only ``--ultra`` with ``--long`` exceeds."""

FREE_BYTES, MAX_RATIO = 64 << 20, 200
"""Bytes that any file may give, and how many more for each of its own; text gives 2 to 20."""


class ByteReader(Protocol):
    """As much of a binary file as reading from front to back needs."""

    def read(self, size: int, /) -> bytes:
        """Returns up to ``size`` bytes; none means the end."""
        ...

    def close(self) -> None: ...


def split_compression(name: str) -> tuple[str, str | None]:
    """Splits ``a.csv.gz`` into ``a.csv`` and ``.gz``; None where there is no such suffix."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)], suffix
    return name, None


def decompressed(raw: BinaryIO, name: str) -> ByteReader:
    """Wraps ``raw`` as the suffix of ``name`` asks; closing the result closes ``raw``."""
    counted = _Counted(raw)
    match split_compression(name)[1]:
        case ".gz":
            return _Decompressed(gzip.GzipFile(fileobj=counted, mode="rb"), counted)
        case ".bz2":
            return _Decompressed(_Members(counted, bz2.BZ2Decompressor, b""), counted)
        case ".xz":
            return _Decompressed(_Members(counted, _xz, b"\0"), counted)
        case ".zst":
            return _Decompressed(_Zstd(counted), counted)
        case _:
            return raw


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=XZ_MEMORY)


class _Counted:
    """A file that knows how many of its bytes have been read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.num_bytes = 0

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        self.num_bytes += len(data)
        return data

    def seek(self, position: int, /) -> int:
        """gzip's reader asks for it and never calls it."""
        return self._raw.seek(position)

    def close(self) -> None:
        self._raw.close()


class _Stepper(Protocol):
    """A decompressor that returns what one step gives."""

    def read1(self, size: int, /) -> bytes: ...


class _Decompressed:
    """Fills its reads step by step, so that damage does not take the bytes before it along.

    An end without a byte of the file read is damage too: an empty file is no compressed one.
    """

    def __init__(self, stepper: _Stepper, raw: _Counted) -> None:
        self._stepper = stepper
        self._raw = raw
        self._num_bytes = 0
        self._error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        steps: list[bytes] = []
        while size > 0 and (step := self._step(size)):
            steps.append(step)
            size -= len(step)
        if self._error is not None and not steps:
            raise self._error
        return b"".join(steps)

    def close(self) -> None:
        self._raw.close()

    def _step(self, size: int) -> bytes:
        if self._error is not None:
            return b""
        try:
            step = self._stepper.read1(size)
            self._check(len(step))
            return step
        except Exception as error:
            self._error = error
            return b""

    def _check(self, num_bytes: int) -> None:
        if self._raw.num_bytes == 0:
            raise EOFError("the file is empty")
        self._num_bytes += num_bytes
        if self._num_bytes > FREE_BYTES + MAX_RATIO * self._raw.num_bytes:
            raise TooLarge(
                f"{self._num_bytes} bytes came of {self._raw.num_bytes} compressed ones; a file "
                f"that gives more than {MAX_RATIO} times its size must be decompressed first"
            )


class _Members:
    """Reads bz2 or xz streams one after the other.

    Python's own readers take what follows the last stream for nothing; it may be a damaged one.

    Args:
        padding: what may lie between and behind streams.
    """

    def __init__(
        self,
        raw: _Counted,
        make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
        padding: bytes,
    ) -> None:
        self._raw, self._make, self._padding = raw, make, padding
        self._member: bz2.BZ2Decompressor | lzma.LZMADecompressor | None = None
        self._fed = b""

    def read1(self, size: int, /) -> bytes:
        data = b""
        while not data and self._has_member():
            assert self._member is not None
            if self._member.needs_input and not self._fed and not self._feed():
                raise EOFError("the compressed stream ends in the middle")
            data = self._member.decompress(self._fed, size)
            self._fed = b""
            if self._member.eof:
                self._fed, self._member = self._member.unused_data, None
        return data

    def _has_member(self) -> bool:
        """Begins the next stream if there is one."""
        if self._member is None:
            while not self._fed.lstrip(self._padding) and self._feed():
                pass
            self._fed = self._fed.lstrip(self._padding)
            self._member = self._make() if self._fed else None
        return self._member is not None

    def _feed(self) -> bool:
        self._fed = self._raw.read(FEED_BYTES)
        return bool(self._fed)


class _Zstd:
    """Reads zstd frames one after the other; unlike zstandard's reader it notices a cut-off end."""

    def __init__(self, raw: _Counted) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._fed = b""
        self._ready = memoryview(b"")

    def read1(self, size: int, /) -> bytes:
        while not self._ready and self._decompress():
            pass
        taken, self._ready = self._ready[:size], self._ready[size:]
        return bytes(taken)

    def _decompress(self) -> bool:
        self._fed = self._fed or self._raw.read(FEED_BYTES)
        if not self._fed:
            if self._frame is not None:
                raise EOFError("the zstd stream ends in the middle of a frame")
            return False
        frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(frame.decompress(self._fed))
        self._fed = frame.unused_data if frame.eof else b""
        self._frame = None if frame.eof else frame
        return True
