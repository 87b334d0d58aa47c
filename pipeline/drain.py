"""Ending soon but in order: a wish that is looked at between steps."""

from collections.abc import Iterator
from contextlib import contextmanager


class Drained(Exception):
    """The work in hand was let go of as asked; nothing is wrong with it."""


class Dropped(Exception):
    """The work in hand need not be done any more, for another has done it."""


class Drain:
    """Whether the work is to end behind the step it is at; once asked for, it stays asked for.

    is_armed: somebody looks, so that asking has an effect.
    """

    def __init__(self) -> None:
        self.is_asked = self.is_armed = False

    def ask(self) -> None:
        self.is_asked = True

    def check(self) -> None:
        """Raises Drained where the end has been asked for."""
        if self.is_asked:
            raise Drained

    @contextmanager
    def armed(self) -> Iterator[None]:
        """For as long as somebody looks between steps."""
        self.is_armed = True
        try:
            yield
        finally:
            self.is_armed = False
