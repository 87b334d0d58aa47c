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


def one_line(error: Exception) -> str:
    """The error's message on one line of bounded length, its type where it has no message."""
    return printable_line(str(error))[:500] or type(error).__name__


def printable_line(text: str) -> str:
    """The text on one line, with U+FFFD for what would steer a terminal: names come from data."""
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)
