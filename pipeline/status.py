"""How far a run is, from its folder alone: any machine that reaches the storage can ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from longriver.pipeline.ledger import Ledger
from longriver.pipeline.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunStatus:
    """What is committed, of what was planned.

    last_commit: when the last committed shard was finished, ISO 8601 in UTC; None before the first.
    is_complete: the summary is written too.
    """

    num_shards: int
    num_shards_done: int
    num_bytes: int
    num_bytes_done: int
    num_documents: int
    num_tokens: int
    num_dead: int
    last_commit: str | None
    is_complete: bool


def read_status(folder: RunFolder, planned: Mapping[str, int]) -> RunStatus:
    """Reads the ledger; ``planned`` is bytes of text by shard name."""
    receipts = Ledger(folder).read_all()
    counts = [receipt.counts for receipt in receipts.values()]
    return RunStatus(
        num_shards=len(planned),
        num_shards_done=len(planned.keys() & receipts.keys()),
        num_bytes=sum(planned.values()),
        num_bytes_done=sum(planned.get(shard, 0) for shard in receipts),
        num_documents=sum(c.num_documents for c in counts),
        num_tokens=sum(c.num_tokens for c in counts),
        num_dead=sum(c.num_dead for c in counts),
        last_commit=max((receipt.finished_at for receipt in receipts.values()), default=None),
        is_complete=folder.has_succeeded(),
    )
