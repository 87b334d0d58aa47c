"""HTML and SVG in which nothing that comes from data can be anything but text."""

import re
from collections.abc import Iterable
from html import escape

UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff]"
)
"""Control characters, line and paragraph separators, and what turns the direction of writing."""

URL = re.compile(r"([A-Za-z][\w+.-]{0,20}://)(?:[^/@\s]{0,999}@)?([^\s?#]*)([?#]\S*)?")
"""Bounded, so that no text takes long to be searched."""

VOID = frozenset({"input", "meta", "br"})
MAX_NAME = 80


class Html(str):
    """Markup that is ready; every other text is escaped where it is put in."""

    __slots__ = ()


def shown(text: str) -> Html:
    """Text as text, U+FFFD standing for what would not be seen or would turn what is."""
    return Html(escape(UNSHOWN.sub("\ufffd", text.replace("\r\n", "\n"))))


def tag(element: str, /, *children: str, **attributes: object) -> Html:
    """An element.

    Args:
        attributes: ``class_`` and the like lose their last underscore, others become hyphens; None
            leaves one out, True gives it no value.
    """
    head = f"<{element}{''.join(_attribute(*item) for item in attributes.items())}>"
    if element in VOID:
        return Html(head)
    return Html(f"{head}{joined(children)}</{element}>")


def joined(children: Iterable[str]) -> Html:
    return Html("".join(c if isinstance(c, Html) else shown(c) for c in children))


def without_secrets(text: str) -> str:
    """Without the passwords and signatures that URLs can carry."""
    return URL.sub(lambda found: found[1] + found[2] + ("?…" if found[3] else ""), text)


def short_name(name: object) -> str:
    """An id, a source or a group value, of any length, as it fits a line."""
    text = "(null)" if name is None else without_secrets(str(name)[: 1 << 16])
    text = " ".join(text.split())
    if len(text) <= MAX_NAME:
        return text
    return f"{text[: MAX_NAME // 2]}…{text[-MAX_NAME // 2 + 1 :]}"


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.removesuffix("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = number(value) if isinstance(value, float) else str(value)
    return f' {name}="{shown(text)}"'
