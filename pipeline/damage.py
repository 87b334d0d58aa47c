"""Telling damaged data, which costs a document, from a failing machine, which costs a retry."""

import gzip
import lzma
import zlib

import pyarrow as pa
import zstandard


class Damaged(Exception):
    """A file that is not of its format."""


class TooLarge(Damaged):
    """Data larger than anybody means to read, or than memory should hold."""


DAMAGE = (
    Damaged,
    pa.ArrowException,
    EOFError,
    UnicodeDecodeError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    zstandard.ZstdError,
)


def is_damage(error: Exception) -> bool:
    """Says whether reading again would fail the same way.

    Arrow and bz2 report bad bytes as a plain ``OSError`` without an errno; the operating system
    and the stores set one.
    """
    return isinstance(error, DAMAGE) or (type(error) is OSError and error.errno is None)


def reason_of(error: Exception, otherwise: str) -> str:
    """The code of a dead letter for damage."""
    return "too_large" if isinstance(error, TooLarge) else otherwise
