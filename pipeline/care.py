"""How a shard at which workers died is read: documents named before they are opened."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from longriver.engine.errors import DocumentError
from longriver.pipeline.crumbs import REASON, Crumb, Trail, Verdict
from longriver.pipeline.dataset import Found
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.opened import drain, letter

WINDOW = 16
"""So many documents are named at a time; each naming is a write."""


class Care:
    """Lets a shard's documents through when they may be opened, and leaves crumbs that name them.

    A suspect waits until nothing else is open; what comes behind it waits for its end. The crumb
    that covers a document is in the run folder before the document is touched.
    """

    def __init__(self, verdict: Verdict, trail: Trail) -> None:
        self.verdict, self.trail = verdict, trail
        self.named_until = 0

    def guard(
        self, pieces: Iterable[tuple[int, Iterator[Found]]], opened: Collection[int]
    ) -> Iterator[Found]:
        """Yields documents and letters, and None while the next one has to wait.

        Args:
            pieces: see ``read_pieces``.
            opened: which of those yielded are open now, by their number; changes as they end.
        """
        places: list[int] = []
        for place, documents in pieces:
            while True:
                while not self.may_open(place, [places[number] for number in opened]):
                    yield None
                try:
                    found = next(documents)
                except StopIteration:
                    break
                if found is not None:
                    places.append(place)
                    found = self._judged(place, found)
                    place += 1
                yield found

    def may_open(self, place: int, opened: Collection[int]) -> bool:
        """Whether the document at a place may be opened beside those at other places."""
        if not self.verdict.has_deaths:
            return True
        if self._is_alone(place) and not opened:
            return self._name_alone(place)
        if self._is_alone(place) or any(map(self._is_alone, opened)):
            return False
        return self._name(place, opened)

    def has_got_on(self) -> None:
        """A snapshot was saved: who read alone so far got past where its workers died before.

        Should this worker die too, that is no proof against it: it is a suspect anew.
        """
        crumb = self.trail.current
        if crumb.is_alone:
            self.trail.leave(replace(crumb, is_alone=False))

    def _judged(self, place: int, found: Document | DeadLetter) -> Document | DeadLetter:
        """A convicted document is passed over: its bytes are read, for its rows must be counted."""
        if place not in self.verdict.convicted or isinstance(found, DeadLetter):
            return found
        drain(found)
        return letter(found, DocumentError(REASON, self.verdict.convicted[place]))

    def _is_alone(self, place: int) -> bool:
        return place in self.verdict.suspects or place in self.verdict.convicted

    def _name_alone(self, place: int) -> bool:
        self.named_until = 0
        self.trail.leave(Crumb((place,), is_alone=True))
        return True

    def _name(self, place: int, opened: Iterable[int]) -> bool:
        if not place < self.named_until <= place + WINDOW:
            self.named_until = place + WINDOW
            self.trail.leave(Crumb((*opened, *range(place, self.named_until))))
        return True
