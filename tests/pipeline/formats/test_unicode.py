"""Bytes that are not UTF-8 survive ``str``."""

from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.formats.unicode import printable, to_bytes, to_str


@given(st.binary(max_size=100))
def test_any_bytes_come_back(data: bytes) -> None:
    assert to_bytes(to_str(data)) == data


@given(st.text(alphabet=st.characters(), max_size=30))
def test_any_text_can_be_made_printable(text: str) -> None:
    printable(text).encode()


def test_lone_surrogates_become_their_three_bytes() -> None:
    assert to_bytes("a\ud800b") == b"a\xed\xa0\x80b"
    assert to_bytes("\ud800\udcff") == b"\xed\xa0\x80\xff"
