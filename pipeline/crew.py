"""Workers as the dispatching loop sees them: what it tells them, and what it hears."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from longriver.pipeline.lease import Lease
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt

WorkerId = int
"""Given at hiring and never again."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A sign of life from a worker at work.

    so_far:    what the lease in hand has come to.
    num_beats: rises with every step of the network and every piece of text that is read; a worker
               whose number stands still hangs.
    """

    so_far: Progress = field(default_factory=Progress)
    num_beats: int = 0


@dataclass(frozen=True, slots=True)
class Up:
    """The worker has loaded its engine.

    slow_step_s: so long its first step may take on the slowest machine.
    """

    worker: WorkerId
    slow_step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Beat:
    worker: WorkerId
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Done:
    """The shard is in the ledger, by this lease or by another."""

    worker: WorkerId
    lease: Lease
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Left:
    """The lease was let go of as asked; the worker is there for another."""

    worker: WorkerId
    lease: Lease


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker is no more, or good for nothing, and its leases have ended with it.

    by_machine: not by its own fault: its machine went, or asked it to leave.
    """

    worker: WorkerId
    error: Exception
    by_machine: bool = False


Event = Up | Beat | Done | Left | Lost


class Crew(Protocol):
    """Hires workers and carries words to and from them; never retries anything by itself."""

    def hire(self) -> WorkerId:
        """Asks for a worker, which says ``Up`` when there is room for it and it has loaded."""
        ...

    def lease(self, worker: WorkerId, lease: Lease) -> None:
        """Hands a lease to a worker, which does its leases one after the other."""
        ...

    def drop(self, worker: WorkerId, lease: Lease) -> None:
        """Tells a worker that a lease need not be done; it says ``Left``, or ``Done``."""
        ...

    def drain(self, worker: WorkerId) -> None:
        """Asks a worker to save what it can and let go of all its leases: it says ``Lost``."""
        ...

    def dismiss(self, worker: WorkerId) -> None:
        """Ends a worker at once; nothing more is heard of it."""
        ...

    def events(self, timeout_s: float) -> Sequence[Event]:
        """What has been heard; waits for something at most so long."""
        ...
