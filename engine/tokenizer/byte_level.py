"""The names of bytes in byte-level vocabularies: every byte is written as a printable character."""

PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]

BYTE_OF = {chr(byte): byte for byte in PRINTABLE} | {
    chr(0x100 + index): byte for index, byte in enumerate(OTHERS)
}
"""GPT-2's alphabet: printable Latin-1 stands for itself, the others for U+0100 and following."""

IN_TEXT = frozenset(range(256)) - {0xC0, 0xC1, *range(0xF5, 0x100)}
"""The bytes that UTF-8 can have."""


def spelled(token: str) -> bytes | None:
    """The bytes that a token's name spells, or None if it is no such name."""
    try:
        return bytes([BYTE_OF[char] for char in token])
    except KeyError:
        return None


def spelled_vocabulary(vocab: dict[str, int]) -> dict[bytes, int] | None:
    """Ids by bytes, without the names that spell none; None if a byte of UTF-8 has no token."""
    tokens = {text: id_ for name, id_ in vocab.items() if (text := spelled(name))}
    return tokens if all(bytes([byte]) in tokens for byte in IN_TEXT) else None
