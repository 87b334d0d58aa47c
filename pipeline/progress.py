"""How far a run is: counters that add up, what is read from them, and who wants to know."""

from dataclasses import dataclass
from typing import Protocol

from longriver.pipeline.summary import Summary

MIN_SECONDS = 2.0
"""A rate measured over less than this says nothing about the time left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Work that has been done; ``num_bytes`` is text, in the plan's terms."""

    num_documents: int = 0
    num_dead: int = 0
    num_tokens: int = 0
    num_bytes: int = 0
    num_shards: int = 0

    def __add__(self, other: "Progress") -> "Progress":
        return Progress(
            self.num_documents + other.num_documents,
            self.num_dead + other.num_dead,
            self.num_tokens + other.num_tokens,
            self.num_bytes + other.num_bytes,
            self.num_shards + other.num_shards,
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a run stands ``seconds`` after this session began.

    before: what earlier sessions had committed; it counts as done but not towards the rate.
    """

    total_bytes: int
    total_shards: int
    before: Progress = Progress()
    session: Progress = Progress()
    seconds: float = 0.0

    @property
    def done(self) -> Progress:
        return self.before + self.session

    @property
    def tokens_per_s(self) -> float | None:
        return self.session.num_tokens / self.seconds if self._is_measured else None

    @property
    def seconds_left(self) -> float | None:
        """At this session's bytes a second; None until that is measured."""
        if not self._is_measured or not self.session.num_bytes:
            return None
        left = max(self.total_bytes - self.done.num_bytes, 0)
        return left * self.seconds / self.session.num_bytes

    @property
    def is_done(self) -> bool:
        """By the shards; bytes are estimates for some formats."""
        return self.done.num_shards >= self.total_shards

    @property
    def fraction(self) -> float:
        """Of all bytes."""
        if self.is_done or self.done.num_bytes >= self.total_bytes:
            return 1.0
        return self.done.num_bytes / self.total_bytes

    @property
    def _is_measured(self) -> bool:
        return self.seconds >= MIN_SECONDS


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run came to in all; its last session did ``session`` in ``seconds``.

    report: where the report is, or why there is none.
    """

    run_path: str
    summary: Summary
    session: Progress
    seconds: float
    report: str

    @property
    def num_dead_letters(self) -> int:
        return sum(self.summary.dead_reasons.values())


class Reporter(Protocol):
    """Tells a person how a run is going. The driver calls it from one thread."""

    def prepare(self, what: str) -> None:
        """Says what is going on before the work starts; it may take a while."""
        ...

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None:
        """Called once the workers are up, for the clock of the rates runs from here."""
        ...

    def update(self, session: Progress) -> None:
        """What this session has done so far, documents in flight included; any number of times."""
        ...

    def stop(self) -> None:
        """Gives the terminal back; always called, also after an error or an interrupt."""
        ...

    def finish(self, outcome: RunOutcome) -> None:
        """Says what came of it; called after ``stop`` when the run is complete."""
        ...


class SilentReporter:
    """For runs that nobody watches."""

    def prepare(self, what: str) -> None: ...

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None: ...

    def update(self, session: Progress) -> None: ...

    def stop(self) -> None: ...

    def finish(self, outcome: RunOutcome) -> None: ...
