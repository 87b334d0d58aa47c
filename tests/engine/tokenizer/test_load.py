"""The tokenizer that is chosen fits the checkpoint, or the order is refused."""

from pathlib import Path

import pytest

from longriver.engine import tokenizer
from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer import load_tokenizer
from tests.engine.tokenizer.test_world_file import written


def test_public_names_are_sorted_and_there() -> None:
    assert tokenizer.__all__ == sorted(tokenizer.__all__)
    assert all(hasattr(tokenizer, name) for name in tokenizer.__all__)


def test_auto_picks_by_the_vocabulary_of_the_checkpoint() -> None:
    assert load_tokenizer("auto", vocab_size=256).name == "bytes"
    assert load_tokenizer("auto", vocab_size=65536).name == "world"


@pytest.mark.parametrize(
    ("kind", "vocab_size", "way_out"),
    [
        ("bytes", 65536, "use model.tokenizer=world"),
        ("world", 256, "use model.tokenizer=bytes"),
        ("auto", 50277, "no tokenizer here fits"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(kind: str, vocab_size: int, way_out: str) -> None:
    with pytest.raises(TokenizerError, match=way_out) as caught:
        load_tokenizer(kind, vocab_size=vocab_size)
    assert f"model.tokenizer={kind}" in str(caught.value) and str(vocab_size) in str(caught.value)


def test_a_vocabulary_that_would_not_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="has no effect"):
        load_tokenizer("auto", vocab_size=256, vocab=written(tmp_path))


def test_a_vocabulary_larger_than_the_checkpoint_is_refused(tmp_path: Path) -> None:
    vocab = written(tmp_path, "65535 'ab' 2")
    assert load_tokenizer("world", vocab_size=65536, vocab=vocab).vocab_size == 65536
    with pytest.raises(TokenizerError, match=r"ids up to 65535, .* only 65530"):
        load_tokenizer("world", vocab_size=65530, vocab=vocab)
