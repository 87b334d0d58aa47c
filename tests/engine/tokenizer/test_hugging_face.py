"""Every family of ``tokenizer.json``, cut anywhere, gives what the ``tokenizers`` library gives."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, pre_tokenizers

from longriver.engine.errors import DocumentError
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer
from longriver.engine.tokenizer.pieces import PieceStream
from longriver.engine.tokenizer.tokenizer_file import library, read_file
from longriver.engine.tokenizer.world import WorldTokenizer
from tests.engine.tokenizer.documents import cuts, documents, random_documents
from tests.engine.tokenizer.families import (
    CUT,
    GPT2_LIKE,
    WHOLE,
    byte_level,
    file_of,
    parsed_of,
    split_byte_level,
    with_added,
)
from tests.engine.tokenizer.streaming import assert_same, streamed

FAMILIES = GPT2_LIKE | CUT | WHOLE
MEGABYTE = 1_000_000


@cache
def family(name: str) -> tuple[dict[str, Any], Tokenizer]:
    with TemporaryDirectory() as folder:
        path = file_of(FAMILIES[name](), Path(folder))
        parsed = read_file(path)
        return parsed, library(path, parsed)


@cache
def eager(name: str) -> HuggingFaceTokenizer:
    """Cuts wherever a cut is safe, where others gather some text first."""
    return HuggingFaceTokenizer(*family(name), piece=1)


@cache
def patient(name: str) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(*family(name))


def assert_exact(
    tokenizer: HuggingFaceTokenizer,
    judge: Tokenizer,
    data: bytes,
    edges: list[int],
    whole: HuggingFaceTokenizer | None = None,
) -> None:
    tokens = streamed(tokenizer, data, edges)
    text = data.decode("utf-8", "replace")
    assert tokens.ids.tolist() == judge.encode(text, add_special_tokens=False).ids
    assert_same(tokens, (whole or tokenizer).encode(data))
    ends = tokens.ends.tolist()
    assert ends == sorted(ends) and (not ends or (ends[0] >= 0 and ends[-1] == len(data)))


@given(st.sampled_from(sorted(FAMILIES)), documents, cuts)
@example("nfc", b"e\xcc", [1, 2])
@example("nfc", "<|endof<|endoftext|>\u0301".encode(), [3, 9, 20])
@example("single", b" on one on", [1, 3, 8, 10])
@example("lstrip", b"a \n<mask>\n <mask>b", [2, 3, 10])
@example("o200k", b"//\n/x", [3])
@example("unigram first", b"a <|endoftext|> b<|endoftext|>c", [1, 15])
@settings(max_examples=600)
def test_any_cuts_give_the_tokens_of_the_whole(name: str, data: bytes, edges: list[int]) -> None:
    assert_exact(eager(name), family(name)[1], data, edges, patient(name))


@pytest.mark.parametrize("name", [*GPT2_LIKE, *CUT])
def test_tokens_come_before_the_end(name: str) -> None:
    fed = eager(name).stream().feed(b"The river ran on and on, and on\nand on " * 3)
    assert len(fed) > 3


@pytest.mark.parametrize("name", WHOLE)
def test_without_a_known_cut_a_long_document_is_refused_and_a_short_one_is_right(name: str) -> None:
    tokenizer = HuggingFaceTokenizer(*family(name), piece=1, max_held=1000)
    stream = tokenizer.stream()
    assert len(stream.feed(b"on and on " * 100)) == 0
    assert stream.finish().ids.tolist() == family(name)[1].encode("on and on " * 100).ids
    with pytest.raises(DocumentError, match="1000 bytes without a place") as caught:
        tokenizer.encode(b"on and on " * 101)
    assert caught.value.reason == "untokenizable"


def test_what_the_library_refuses_is_an_error_of_the_document() -> None:
    parsed, judge = family("bert")
    model = parsed["model"] | {"vocab": {"a": 0}}
    broken = parsed | {"model": model, "added_tokens": []}
    tokenizer = HuggingFaceTokenizer(broken, library(Path("here"), broken))
    with pytest.raises(DocumentError, match=r"untokenizable: .*UNK"):
        tokenizer.encode("zebra")
    assert judge.encode("zebra").ids


@cache
def pile(shared_data: Path) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer.load(shared_data / "tokenizer" / "20B_tokenizer.json")


@cache
def pile_judge(shared_data: Path) -> Tokenizer:
    return Tokenizer.from_file(str(shared_data / "tokenizer" / "20B_tokenizer.json"))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("\nThe following is a", [187, 510, 1563, 310, 247]),  # README of the rwkv package
        ("Hello world", [12092, 1533]),
        ("don't  stop", [9903, 626, 50276, 13121]),
        (" " * 26, [50254, 50276]),
        ("<|endoftext|>a", [0, 66]),
        ("e\u0301 \u212b", [860, 17732]),
        ("漢字", [45387, 97, 30886]),
    ],
)
def test_known_tokens_of_the_pile(shared_data: Path, text: str, ids: list[int]) -> None:
    assert pile(shared_data).encode(text).ids.tolist() == ids
    assert pile(shared_data).vocab_size == 50277


@given(data=documents, edges=cuts)
@settings(max_examples=300)
def test_the_pile_with_any_cuts(shared_data: Path, data: bytes, edges: list[int]) -> None:
    assert_exact(pile(shared_data), pile_judge(shared_data), data, edges)


def test_ten_thousand_documents_of_the_pile(shared_data: Path) -> None:
    for data, edges in random_documents(10_000, seed=1):
        assert_exact(pile(shared_data), pile_judge(shared_data), data, edges)


@pytest.mark.parametrize("load", [ByteTokenizer, WorldTokenizer.load])
def test_ten_thousand_documents_of_others(load: Any) -> None:
    tokenizer = load()
    for data, edges in random_documents(10_000, seed=2):
        whole = tokenizer.encode(data)
        assert_same(streamed(tokenizer, data, edges), whole)
        assert tokenizer.decode(whole.ids) == data


@pytest.mark.parametrize("text", ["en/bible_kjv.txt", "ja/debian_handbook_ja-JP.txt"])
def test_real_text_is_tokenized_as_the_library_does(shared_data: Path, text: str) -> None:
    data = (shared_data / "corpus" / text).read_bytes()[:MEGABYTE]
    tokens = streamed(pile(shared_data), data, list(range(0, len(data), 4099)))
    judged = pile_judge(shared_data).encode(data.decode("utf-8", "replace"))
    assert tokens.ids.tolist() == judged.ids
    assert tokens.ends[-1] == len(data)


@pytest.mark.parametrize(
    "line",
    [b"acgt", b"the cat sat ", b" ", b"\n", b"7", "汉字连写".encode(), b"aGVsbG8+", b"\xff"],
)
def test_a_line_without_end_is_tokenized_and_not_held(shared_data: Path, line: bytes) -> None:
    stream, block = pile(shared_data).stream(), line * 10_000
    fed = covered = 0
    for _ in range(20):
        tokens = stream.feed(block)
        fed, covered = fed + len(block), int(tokens.ends[-1])
        assert fed - covered < 1000
    rest = stream.finish()
    assert len(rest) == 0 or rest.ends[-1] == fed


def test_combining_marks_without_end_are_no_text(shared_data: Path) -> None:
    stream = pile(shared_data).stream()
    with pytest.raises(DocumentError, match="combining") as caught:
        for _ in range(12):
            stream.feed("\u0301".encode() * 50_000)
    assert caught.value.reason == "untokenizable"


def test_byte_offsets_go_into_characters_and_back_to_what_was_rewritten(shared_data: Path) -> None:
    tokenizer = pile(shared_data)
    assert tokenizer.encode("漢字").ends.tolist() == [2, 3, 6]
    assert tokenizer.encode("e\u0301 \u212b").ends.tolist() == [3, 7]
    assert tokenizer.encode(b"a\xff\xffb").ends.tolist()[-1] == 4
    assert tokenizer.encode("x<|endoftext|>y").ends.tolist() == [1, 14, 15]


def test_decoding_gives_the_bytes_of_the_tokens(shared_data: Path) -> None:
    tokenizer = pile(shared_data)
    text = "漢字 don't\r\n" + " " * 30 + "<|endoftext|>🙂"
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids).decode() == text
    assert b"".join(tokenizer.decode([id_]) for id_ in ids) == text.encode()


@pytest.mark.parametrize("name", ["plain", "bert", "unigram"])
@pytest.mark.parametrize("wrong", [-1, 10_000])
def test_an_unknown_id_is_named(name: str, wrong: int) -> None:
    with pytest.raises(ValueError, match=f"id {wrong} "):
        patient(name).decode([1, wrong])


def test_other_families_decode_as_their_file_says() -> None:
    assert patient("unigram").decode(patient("unigram").encode("river on").ids) == b"river on"


def test_several_threads_may_use_one_tokenizer(shared_data: Path) -> None:
    work = [data for data, _ in random_documents(300, seed=3)]
    for tokenizer in (pile(shared_data), eager("qwen")):
        expected = [tokenizer.encode(data).ids.tolist() for data in work]
        with ThreadPoolExecutor(4) as pool:
            found = [tokens.ids.tolist() for tokens in pool.map(tokenizer.encode, work)]
        assert found == expected


@pytest.mark.parametrize("name", ["nfc", "qwen"])
def test_a_copy_of_another_process_is_the_same(name: str) -> None:
    copy = pickle.loads(pickle.dumps(patient(name)))
    assert_same(copy.encode("The river é"), patient(name).encode("The river é"))
    assert copy.fingerprint == patient(name).fingerprint


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_is_taken(kind: Any) -> None:
    for name in ("nfc", "bert"):
        assert_same(patient(name).encode(kind(b"The river")), patient(name).encode("The river"))


def test_the_empty_document_has_no_tokens() -> None:
    assert all(len(patient(name).encode(b"")) == 0 for name in FAMILIES)


def test_batch_settings_of_the_file_do_not_shorten_a_document(tmp_path: Path) -> None:
    tokenizer = byte_level()
    plain = HuggingFaceTokenizer.load(file_of(tokenizer, tmp_path))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    cut = HuggingFaceTokenizer.load(file_of(tokenizer, tmp_path))
    assert_same(cut.encode("The river ran on and on"), plain.encode("The river ran on and on"))
    assert cut.fingerprint == plain.fingerprint


def test_a_split_that_drops_text_still_has_offsets(tmp_path: Path) -> None:
    tokenizer = byte_level()
    blanks = pre_tokenizers.Split(" ", "removed")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([blanks, tokenizer.pre_tokenizer])
    tokens = HuggingFaceTokenizer.load(file_of(tokenizer, tmp_path)).encode("on and on ")
    assert tokens.ends[-1] == 10


def test_structure_counts_and_not_the_name() -> None:
    assert isinstance(patient("cl100k").stream(), PieceStream)
    assert not isinstance(patient("nfc").stream(), PieceStream)
    gpt2 = split_byte_level(
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    )
    parsed = parsed_of(with_added(gpt2, AddedToken("x")))
    assert not isinstance(
        HuggingFaceTokenizer(parsed, library(Path("here"), parsed)).stream(), PieceStream
    )
