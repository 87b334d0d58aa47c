"""Text that need not be UTF-8, as ``str`` and back.

Bytes that are not UTF-8 travel through ``str`` as surrogate escapes. A lone surrogate that JSON
spells out (``"\\ud800"``) becomes the three bytes that UTF-8 would give it; one in the range of
the escapes (``\\udc80`` to ``\\udcff``) cannot be told from an escaped byte and becomes that byte.
"""


def to_str(data: bytes) -> str:
    """Decodes UTF-8, escaping what is not."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Undoes ``to_str``; see the module for lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"".join(_encode(character) for character in text)


def printable(text: str) -> str:
    """Returns text that can be stored as UTF-8, with U+FFFD for what cannot."""
    return to_bytes(text).decode("utf-8", "replace")


def _encode(character: str) -> bytes:
    escaped = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if escaped else "surrogatepass")
