"""Bytes put aside come back once, and leave nothing behind, whatever becomes of them."""

import contextlib
import gc
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.document import CHUNK_BYTES
from longriver.pipeline.spool import Spool


@given(st.lists(st.binary(max_size=100), max_size=9))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    spool = Spool()
    for piece in pieces:
        spool.write(memoryview(piece))
    assert b"".join(spool.read()) == b"".join(pieces)


def test_it_comes_in_pieces_that_documents_have() -> None:
    spool = Spool()
    spool.write(bytes(CHUNK_BYTES + 1))
    assert [len(piece) for piece in spool.read()] == [CHUNK_BYTES, 1]


def test_one_that_is_given_up_closes_its_file() -> None:
    gc.collect()  # what earlier tests have left
    before = open_files()
    spool = Spool()
    spool.write(b"given up")
    [new] = open_files() - before
    del spool
    gc.collect()
    assert new not in open_files()


def open_files() -> set[str]:
    """Deleted ones: nobody else has such a file, whatever other threads open and close."""
    links = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.add(os.readlink(path))
    return {link for link in links if link.endswith("(deleted)")}
