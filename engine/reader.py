"""What reads: the part of an ``Engine`` that needs no particular job."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.wants import NLL, Wants


class Reader(Protocol):
    """See ``longriver.engine.engine.Engine``."""

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> Sequence: ...

    def run(
        self, sequences: Iterator[Sequence | None], wants: Wants = NLL
    ) -> Iterator[ScoredChunk | Failed]: ...
