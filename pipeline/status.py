"""How far a run is, from its folder alone: any machine that reaches the storage can ask."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from longriver.pipeline.at_work import (
    Driver,
    InFlight,
    Trouble,
    read_driver,
    read_in_flight,
    read_troubles,
)
from longriver.pipeline.dead_letters import reasons_by_shard, total
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.pace_of_run import WorkerShare, busy_seconds, seconds_left, shares
from longriver.pipeline.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """What is committed, of what was planned, and what is in hand.

    num_bytes:    of text.
    num_dead:     source rows of the dead letters.
    dead_reasons: dead letters by reason, the most frequent first.
    last_commit:  when the last shard was finished, ISO 8601 in UTC; None before the first.
    is_complete:  the summary is written too.
    busy_seconds: time in which any worker was at a shard that it committed.
    seconds_left: at the pace so far; None where there is nothing to go by.
    driver:       who holds the run's lock.
    workers:      the busiest first.
    troubles:     shards with attempts that have begun and not ended.
    in_flight:    documents that are saved half-way, most tokens first.
    """

    num_shards: int
    num_shards_done: int
    num_bytes: int
    num_bytes_done: int
    num_documents: int
    num_tokens: int
    num_dead: int
    dead_reasons: Mapping[str, int]
    last_commit: str | None
    is_complete: bool
    busy_seconds: float
    seconds_left: float | None
    driver: Driver | None
    workers: tuple[WorkerShare, ...]
    troubles: tuple[Trouble, ...]
    in_flight: tuple[InFlight, ...]

    @property
    def tokens_per_s(self) -> float | None:
        return self.num_tokens / self.busy_seconds if self.busy_seconds else None

    def to_json(self) -> str:
        """One object on one line, for scripts."""
        workers = [asdict(share) | {"tokens_per_s": share.tokens_per_s} for share in self.workers]
        return json.dumps(asdict(self) | {"tokens_per_s": self.tokens_per_s, "workers": workers})


def read_status(folder: RunFolder, planned: Mapping[str, int]) -> RunStatus:
    """Reads the ledger and what is in hand; ``planned`` is bytes of text by shard name."""
    paths = list_sizes(folder)
    receipts = Ledger(folder).read_all()
    counts = [receipt.counts for receipt in receipts.values()]
    busy_s = busy_seconds(receipts.values())
    return RunStatus(
        num_shards=len(planned),
        num_shards_done=len(planned.keys() & receipts.keys()),
        num_bytes=sum(planned.values()),
        num_bytes_done=sum(planned.get(shard, 0) for shard in receipts),
        num_documents=sum(c.num_documents for c in counts),
        num_tokens=sum(c.num_tokens for c in counts),
        num_dead=sum(c.num_dead for c in counts),
        dead_reasons=total(reasons_by_shard(folder, receipts.values())),
        last_commit=max((receipt.finished_at for receipt in receipts.values()), default=None),
        is_complete=folder.has_succeeded(),
        busy_seconds=busy_s,
        seconds_left=seconds_left(receipts, planned, busy_s),
        driver=read_driver(folder, paths),
        workers=shares(receipts.values()),
        troubles=read_troubles(folder, paths, receipts),
        in_flight=read_in_flight(folder, paths, receipts),
    )
