"""A shard handed to a worker: one attempt at it."""

from dataclasses import dataclass, field
from uuid import uuid4

from longriver.pipeline.shard import Shard


def _new_name() -> str:
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class Lease:
    """One attempt at a shard.

    name:   unlike any other lease's, of any run.
    rivals: names of the shard's other leases that may still be at work; all others have ended.
    """

    shard: Shard
    rivals: frozenset[str] = frozenset()
    name: str = field(default_factory=_new_name)
