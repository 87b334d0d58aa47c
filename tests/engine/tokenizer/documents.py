"""Byte strings that make tokenizers stumble: marks that combine, spaces, halves of characters."""

import random
from collections.abc import Iterator

from hypothesis import strategies as st

from tests.engine.tokenizer.families import SENTENCES

BLANKS = [" ", "  ", " " * 9, " " * 25, " " * 50, "\n", "\r\n", "\n\n", "\t", "\x1c", "\x00"]
FOREIGN_BLANKS = ["\u00a0", "\u3000", "\u2028", "\u0085", "\u200b"]
COMBINING = ["e\u0301", "\u0301", "a\u0323\u0301", "a\u0301\u0323", "か\u3099", "\u0345", "\u0f73"]
HANGUL = ["\u1100", "\u1161", "\u11a8", "가", "각", "가\u11a8"]
REWRITTEN = ["\u212b", "Ω", "\u0958", "\ufb1d", "ŉ", "\u00a8", "\uff9e", "\uff0f", "İ", "ß", "ﬃ"]
PICTURES = ["\u200d", "👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "\U000e0067", "\ufffd"]
SCRIPTS = ["漢字", "の", "नमस्ते", "ไทยนี้", "Привет", "שָׁלוֹם"]
SHORT_FORMS = ["'", "'ll", "'re", "'r", "'v", "don't", "'s", "'S", "''s", " 's", "\u2019s"]
SIGNS = ["!", "...", "//", "/", "=" * 70, "-" * 9, "▁", "_"]
WORDS = ["the", " the", "The", "ing", "a", " b", "c ", "aaaa", "abcabc", "ACGTACGGT", "on", "a b"]
DIGITS = ["1", "12", "1234", "½", "٣"]
ADDED = ["<|endoftext|>", "<|endof", "<|padding|>", "|>", "<", "<mask>", " <mask> ", "ab", "bcd"]
ATOMS = [
    *(BLANKS + FOREIGN_BLANKS + COMBINING + HANGUL + REWRITTEN + PICTURES),
    *(SCRIPTS + SHORT_FORMS + SIGNS + WORDS + DIGITS + ADDED),
]
INVALID = [
    b"\xff",
    b"\xe3\x81",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\x80",
    b"\xf4\x90",
]

atoms = st.sampled_from(ATOMS).map(str.encode)
pieces = st.one_of(
    atoms,
    st.sampled_from(INVALID),
    st.text(max_size=4).map(str.encode),
    st.binary(max_size=6),
    atoms.flatmap(lambda atom: st.integers(0, len(atom)).map(lambda size: atom[:size])),
    st.sampled_from(SENTENCES).map(str.encode),
)
documents = st.lists(pieces, max_size=14).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=8)


def random_documents(count: int, seed: int) -> Iterator[tuple[bytes, list[int]]]:
    """Documents and where to cut them, quicker to make than by hypothesis."""
    source = random.Random(seed)
    for _ in range(count):
        data = b"".join(_piece(source) for _ in range(source.randint(0, 12)))
        step = source.choice((1, 3, 10, 40))
        edges = list(range(0, len(data), source.randint(1, step))) if source.random() < 0.5 else []
        yield data, edges or [source.randint(0, len(data)) for _ in range(source.randint(0, 6))]


def _piece(source: random.Random) -> bytes:
    choice = source.random()
    if choice < 0.7:
        return source.choice(ATOMS).encode()
    if choice < 0.8:
        return source.choice(INVALID)
    if choice < 0.85:
        return source.randbytes(4)
    if choice < 0.95:
        code = source.choice((source.randint(0, 0x2FF), source.randint(0x300, 0xD7FF)))
        return chr(source.choice((code, source.randint(0xE000, 0x3FFFF)))).encode()
    sentence, start = source.choice(SENTENCES), source.randint(0, 30)
    return sentence[start : start + source.randint(1, 20)].encode()
