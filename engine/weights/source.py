"""What a user named in an order, so that whatever is wrong with it can be said in one line."""

from dataclasses import dataclass, replace

from longriver.engine.errors import WeightsError


@dataclass(frozen=True, slots=True)
class Source:
    """A setting that names files.

    key:   such as ``model.path``.
    value: as it was ordered.
    part:  the file inside of it that is meant, if it is a folder.
    """

    key: str
    value: str
    part: str = ""

    def within(self, part: str) -> "Source":
        return replace(self, part=part)

    def wrong(self, what: str) -> WeightsError:
        """An error whose line begins with the setting and goes on with ``what``."""
        return WeightsError(f"{self} {_printable(what)}")

    def __str__(self) -> str:
        named = f"{self.key}={self.value}"
        return f"{named}: {self.part}" if self.part else named


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def first_line(error: BaseException) -> str:
    """What an error says, on one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def shown(value: object) -> str:
    """A value of somebody else's file on one line; lists and objects only by their kind."""
    if isinstance(value, str | int | float | None):
        return repr(value)[:80]
    return f"a {type(value).__name__}"
