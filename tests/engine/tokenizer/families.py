"""Small ``tokenizer.json`` files of every family, trained in a moment on a few sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre

from longriver.engine.tokenizer.structure import LINE_PATTERNS

SENTENCES = [
    "The river ran on and on, and nobody's boat was ever seen again. She'd said: 'it'll rain'!",
    "Überall fließt Wasser;  straße,\n\n  café cafés naïve 12 1234 3.14 ½\r\n",
    "漢字とかな交じり文、が出る。 가각 한국어 नमस्ते ไทย",
    "    if x == 10:\n        return ____ // ======\n",
    "ababababab cabcabc aaaaaaaa acgtacgtacgt",
]

Build = Callable[[], Tokenizer]


def byte_level(*before: Any, regex: bool = True, prefix: bool = False, **bpe: Any) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**bpe))
    last = pre.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    tokenizer.pre_tokenizer = pre.Sequence([*before, last]) if before else last
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    return _trained(tokenizer, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet))


def split_byte_level(pattern: str, *before: Any, **bpe: Any) -> Tokenizer:
    return byte_level(*before, pre.Split(Regex(pattern), "isolated"), regex=False, **bpe)


def word_piece(pre_tokenizer: Any) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizer
    return _trained(tokenizer, trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"]))


def metaspace(model: Any, trainer: Any, scheme: Any = "always") -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    return _trained(tokenizer, trainer)


def sentence_piece() -> Tokenizer:
    """Llama 2's build: the whole text is one word."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    blank_as_bar = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), blank_as_bar])
    return _trained(tokenizer, trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"]))


def normalized(tokenizer: Tokenizer, *steps: Any) -> Tokenizer:
    tokenizer.normalizer = normalizers.Sequence(list(steps)) if len(steps) > 1 else steps[0]
    return tokenizer


def with_added(tokenizer: Tokenizer, *added: AddedToken) -> Tokenizer:
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens([*added, *(AddedToken(" " * size) for size in (2, 3, 8))])
    return tokenizer


def file_of(tokenizer: Tokenizer, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(tokenizer.to_str(), encoding="utf-8")
    return path


def parsed_of(tokenizer: Tokenizer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content


def _trained(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    trainer.show_progress = False
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    return tokenizer


def _unigram() -> tuple[Any, Any]:
    trainer = trainers.UnigramTrainer(vocab_size=200, unk_token="<unk>", special_tokens=["<unk>"])
    return models.Unigram(), trainer


def _bpe() -> tuple[Any, Any]:
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"])
    return models.BPE(unk_token="<unk>", fuse_unk=True), trainer


CL100K, QWEN, O200K = LINE_PATTERNS

GPT2_LIKE: dict[str, Build] = {
    "plain": byte_level,
    "nfc": lambda: with_added(normalized(byte_level(), normalizers.NFC())),
    "nfkc": lambda: with_added(normalized(byte_level(), normalizers.NFKC())),
    "nfd": lambda: normalized(byte_level(), normalizers.NFD()),
    "overlapping": lambda: with_added(
        byte_level(), *map(AddedToken, ("ab", "bcd", "abcde", "'s", "e", "e\u0301x"))
    ),
}
"""Read to the last byte by our own rules."""

CUT: dict[str, Build] = {
    "cl100k": lambda: with_added(split_byte_level(CL100K, ignore_merges=True)),
    "qwen": lambda: normalized(split_byte_level(QWEN), normalizers.NFC()),
    "o200k": lambda: with_added(split_byte_level(O200K)),
    "digits": lambda: byte_level(pre.Digits(individual_digits=True)),
    "prefix": lambda: byte_level(prefix=True),
    "single": lambda: with_added(byte_level(), AddedToken("on", single_word=True)),
    "lstrip": lambda: with_added(split_byte_level(QWEN), AddedToken("<mask>", lstrip=True)),
    "lowercase": lambda: normalized(byte_level(), normalizers.NFKC(), normalizers.Lowercase()),
    "bert": lambda: word_piece(pre.BertPreTokenizer()),
    "whitespace": lambda: word_piece(pre.Whitespace()),
    "unigram": lambda: metaspace(*_unigram()),
    "unigram first": lambda: with_added(metaspace(*_unigram(), scheme="first")),
    "metaspace bpe": lambda: normalized(metaspace(*_bpe()), normalizers.NFKC()),
}
"""Cut where it is safe."""

WHOLE: dict[str, Build] = {
    "sentencepiece": sentence_piece,
    "rstrip": lambda: with_added(byte_level(), AddedToken("<mask>", rstrip=True)),
    "no words": lambda: byte_level(regex=False),
    "blank inside": lambda: with_added(byte_level(prefix=True), AddedToken("a b")),
    "strip": lambda: normalized(byte_level(), normalizers.Strip()),
    "unknown words": lambda: split_byte_level(r"\w+|\W+"),
}
"""Held whole: no cut is known to be safe."""
