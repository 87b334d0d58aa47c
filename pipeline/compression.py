"""Streams that decompress as they are read."""

import bz2
import gzip
import lzma
from typing import BinaryIO, Protocol

import zstandard

SUFFIXES = (".gz", ".zst", ".bz2", ".xz")

FEED_BYTES = 1 << 10
"""Compressed bytes fed to zstd at once: its best ratio is near 1:32768, so 32 MiB come out."""


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
    match split_compression(name)[1]:
        case ".gz":
            return _Decompressed(gzip.GzipFile(fileobj=raw, mode="rb"), raw)
        case ".bz2":
            return _Decompressed(bz2.BZ2File(raw), raw)
        case ".xz":
            return _Decompressed(lzma.LZMAFile(raw), raw)
        case ".zst":
            return _Decompressed(_Zstd(raw), raw)
        case _:
            return raw


class _Stepper(Protocol):
    """A decompressor that returns what one step gives."""

    def read1(self, size: int, /) -> bytes: ...


class _Decompressed:
    """Fills its reads step by step, so that damage does not take the bytes before it along."""

    def __init__(self, stepper: _Stepper, raw: BinaryIO) -> None:
        self._stepper = stepper
        self._raw = raw
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
            return self._stepper.read1(size)
        except Exception as error:
            self._error = error
            return b""


class _Zstd:
    """Reads zstd frames one after the other; unlike zstandard's reader it notices a cut-off end."""

    def __init__(self, raw: BinaryIO) -> None:
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
