"""What callers hand in as texts, as bytes."""

from collections.abc import Iterable


def given_texts(texts: Iterable[str | bytes]) -> list[bytes]:
    """UTF-8 of each.

    Raises:
        TypeError: something is no text; or a text stands alone, and would be taken for as many
            texts as it has characters.
    """
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts is a {type(texts).__name__}; give a list, such as [text]")
    return [given_text(text) for text in texts]


def given_text(text: str | bytes) -> bytes:
    """UTF-8 of one; raises TypeError where it is none."""
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, bytes):
        return text
    raise TypeError(f"a text is a str or bytes, not {type(text).__name__}: {text!r:.60}")
