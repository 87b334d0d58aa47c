"""Bytes as tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.tokenizer.bytes import ByteTokenizer
from tests.engine.tokenizer.streaming import assert_same, streamed

tokenizer = ByteTokenizer()


@given(st.binary(max_size=50), st.lists(st.integers(0, 50)))
def test_ids_are_the_bytes_for_any_cut(data: bytes, cuts: list[int]) -> None:
    tokens = streamed(tokenizer, data, cuts)
    assert tokens.ids.tolist() == list(data)
    assert tokens.ends.tolist() == list(range(1, len(data) + 1))
    assert_same(tokens, tokenizer.encode(data))
    assert tokenizer.decode(tokens.ids) == data


def test_text_is_taken_as_utf8() -> None:
    assert tokenizer.decode(tokenizer.encode("naïve 語").ids).decode() == "naïve 語"


@pytest.mark.parametrize("wrong", [-1, 256])
def test_an_id_that_is_no_byte_is_named(wrong: int) -> None:
    with pytest.raises(ValueError, match=f"id {wrong}"):
        tokenizer.decode([65, wrong])
