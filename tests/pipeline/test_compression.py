"""Compressed streams give all that can be read before they complain."""

import bz2
import gzip
import io
import lzma

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.compression import ByteReader, decompressed, split_compression
from longriver.pipeline.damage import is_damage
from tests.pipeline.reading import words

PACK = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def drain(reader: ByteReader, size: int) -> tuple[bytes, Exception | None]:
    parts = []
    try:
        while part := reader.read(size):
            assert len(part) <= size
            parts.append(part)
    except Exception as error:
        return b"".join(parts), error
    return b"".join(parts), None


@pytest.mark.parametrize("suffix", PACK)
@given(members=st.lists(st.binary(max_size=300), min_size=1, max_size=3), size=st.integers(1, 400))
def test_reads_of_any_size_give_the_text(suffix: str, members: list[bytes], size: int) -> None:
    packed = b"".join(PACK[suffix](member) for member in members)
    text, error = drain(decompressed(io.BytesIO(packed), f"a{suffix}"), size)
    assert error is None and text == b"".join(members)


@pytest.mark.parametrize("suffix", PACK)
def test_a_stream_cut_off_gives_what_came_before_and_then_fails(suffix: str) -> None:
    text = b"".join(words(i, 50_000) for i in range(40))
    packed = PACK[suffix](text)[:-20]
    found, error = drain(decompressed(io.BytesIO(packed), f"a{suffix}"), 1 << 18)
    assert error is not None and is_damage(error)
    assert text.startswith(found) and len(found) > 500_000


@pytest.mark.parametrize("suffix", PACK)
def test_bytes_of_another_kind_are_damage(suffix: str) -> None:
    _, error = drain(decompressed(io.BytesIO(b"plain text" * 100), f"a{suffix}"), 100)
    assert error is not None and is_damage(error)


def test_closing_closes_the_file_below() -> None:
    for suffix, pack in PACK.items():
        raw = io.BytesIO(pack(b"a"))
        decompressed(raw, f"a{suffix}").close()
        assert raw.closed


def test_suffixes_are_split_whatever_their_case() -> None:
    assert split_compression("a.csv.GZ") == ("a.csv", ".gz")
    assert split_compression("a.csv") == ("a.csv", None)
