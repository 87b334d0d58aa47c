"""A ``tokenizer.json`` is data: damaged or hostile, it gives one line that names the file."""

import copy
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

from longriver.engine.errors import DocumentError, TokenizerError
from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer
from tests.engine.tokenizer.families import CUT, byte_level, normalized, parsed_of, with_added


@cache
def good() -> dict[str, Any]:
    return parsed_of(with_added(normalized(byte_level(), normalizers.NFC())))


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerError) as caught:
        HuggingFaceTokenizer.load(path)
    line = str(caught.value)
    assert str(path) in line and "\n" not in line and len(line) < 600
    return line


def changed(**parts: Any) -> bytes:
    return json.dumps(good() | parts).encode()


def with_model(**parts: Any) -> bytes:
    return changed(model=good()["model"] | parts)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (changed()[:-100], "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no model"),
        (b"{}", "no model"),
        (b'{"model": []}', "no model"),
        (b'{"model": {}}', ""),
        (b'{"model": {"type": "Oracle"}}', ""),
        (with_model(dropout=0.1), "dropout"),
        (with_model(vocab={"a": -1}), "the id '-1' is not between"),
        (with_model(vocab={"a": 1 << 40}), "is not between"),
        (with_model(vocab={"a": "1"}), "is not between"),
        (with_model(vocab={"a": True}), "is not between"),
        (with_model(vocab={"a": 1, "b": 1}), "two tokens have the id 1"),
        (with_model(vocab={}, merges=[]), "no tokens"),
        (with_model(merges=[["a", "nothing"]]), ""),
        (with_model(merges=["a"]), ""),
        (with_model(merges=5), ""),
        (changed(added_tokens=[{"id": 1 << 40, "content": "x"}]), "is not between"),
        (changed(added_tokens="x"), ""),
        (changed(normalizer={"type": "Prophet"}), ""),
        (changed(normalizer=[[[]]]), ""),
        (changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}}), ""),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refusal(tmp_path, content)


def test_deep_sequences_are_refused(tmp_path: Path) -> None:
    part: dict[str, Any] = {"type": "NFC"}
    for _ in range(60):
        part = {"type": "Sequence", "normalizers": [part]}
    assert "nested too deeply" in refusal(tmp_path, changed(normalizer=part))


def test_a_folder_or_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.json"):
        with pytest.raises(TokenizerError, match="cannot be read") as caught:
            HuggingFaceTokenizer.load(path)
        assert str(path) in str(caught.value)


def test_the_fingerprint_is_that_of_the_content_not_of_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    prints = set()
    joined = [" ".join(pair) for pair in good()["model"]["merges"]]
    old = good() | {"model": good()["model"] | {"merges": joined}, "post_processor": None}
    for content in (good(), dict(reversed(good().items())), old):
        for indent in (None, 2):
            path.write_text(json.dumps(content, indent=indent))
            prints.add(HuggingFaceTokenizer.load(path).fingerprint)
    assert len(prints) == 1
    path.write_bytes(changed(normalizer=None))
    assert HuggingFaceTokenizer.load(path).fingerprint not in prints


small = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good file, in which a few values anywhere were replaced, removed or doubled."""
    content = copy.deepcopy(draw(st.sampled_from(bases())))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = content
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(small | st.sampled_from([place[key]]))
            else:
                del place[key]
            break
    return json.dumps(content).encode()


@cache
def bases() -> list[dict[str, Any]]:
    return [good(), *(parsed_of(CUT[name]()) for name in ("qwen", "bert", "unigram"))]


def library_ids(content: bytes, text: str) -> list[int] | None:
    """What the library gives for the whole text; None where it fails."""
    unused = {"version": "1.0", "truncation": None, "padding": None, "post_processor": None}
    parts = dict.fromkeys(good()) | json.loads(content) | unused
    try:
        ids: list[int] = Tokenizer.from_str(json.dumps(parts)).encode(text).ids
    except Exception:
        return None
    return ids


@given(mutations() | st.binary(max_size=60) | st.integers(0, 5000).map(lambda n: changed()[:n]))
@settings(max_examples=300)
def test_a_mutated_file_is_exact_or_refused_in_one_line(content: bytes) -> None:
    text = "The river's  e\u0301 12\n\n on<|endoftext|> \u212b 漢字 "
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_bytes(content)
        try:
            tokenizer = HuggingFaceTokenizer.load(path)
        except TokenizerError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            expected = library_ids(content, text)
            if expected is None:
                with pytest.raises(DocumentError):
                    tokenizer.encode(text)
            else:
                assert tokenizer.encode(text).ids.tolist() == expected
