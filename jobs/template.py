"""Texts with ``{column}`` in them, filled in from a row: names alone, no attributes, no code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PART = re.compile(r"\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|[{}]|[^{}\\]+|\\", re.DOTALL)
SPELT = {"{{": "{", "}}": "}", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Column:
    """A place that a row's cell goes to."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places. ``{{`` and ``}}`` are braces, ``\\n`` a line's end, ``\\t`` a tab."""

    parts: tuple[str | Column, ...]

    @staticmethod
    def of(text: str) -> "Template":
        """Raises ValueError for a brace that is neither a column's nor doubled."""
        return Template(tuple(_part(found, text) for found in PART.finditer(text)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Whose cells it needs, each once."""
        names = (part.name for part in self.parts if isinstance(part, Column))
        return tuple(dict.fromkeys(names))

    def fill(self, cells: Mapping[str, str]) -> str:
        """The text with a row's cells in it; braces in those mean nothing."""
        return "".join(part if isinstance(part, str) else cells[part.name] for part in self.parts)


def _part(found: re.Match[str], text: str) -> str | Column:
    said = found[0]
    if found[1]:
        return Column(found[1])
    if said in ("{", "}", "{}"):
        raise ValueError(f"{said} at character {found.start() + 1} of {text!r} encloses no column")
    return SPELT.get(said, said)
