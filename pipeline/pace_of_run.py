"""How fast a run has been, and how long it will take, by its receipts alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from longriver.pipeline.receipt import Receipt


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """What one worker has committed; ``seconds`` are those that it worked on it."""

    name: str
    num_shards: int
    num_tokens: int
    seconds: float

    @property
    def tokens_per_s(self) -> float | None:
        return self.num_tokens / self.seconds if self.seconds else None


def shares(receipts: Iterable[Receipt]) -> tuple[WorkerShare, ...]:
    """Of every worker, the busiest first."""
    by_worker: dict[str, WorkerShare] = {}
    for receipt in receipts:
        old = by_worker.get(receipt.worker, WorkerShare(receipt.worker, 0, 0, 0.0))
        by_worker[receipt.worker] = WorkerShare(
            receipt.worker,
            old.num_shards + 1,
            old.num_tokens + receipt.counts.num_tokens,
            old.seconds + receipt.seconds,
        )
    return tuple(sorted(by_worker.values(), key=lambda share: (-share.num_tokens, share.name)))


def busy_seconds(receipts: Iterable[Receipt]) -> float:
    """Time in which any worker was at a shard that it committed; pauses of the run do not count."""
    spans = sorted(span for span in map(_span, receipts) if span is not None)
    seconds, covered_until = 0.0, float("-inf")
    for begun, ended in spans:
        seconds += max(0.0, ended - max(begun, covered_until))
        covered_until = max(covered_until, ended)
    return seconds


def seconds_left(
    receipts: Mapping[str, Receipt], planned: Mapping[str, int], busy_s: float
) -> float | None:
    """At the bytes a second so far; None while there is nothing to go by."""
    num_bytes_done = sum(planned.get(shard, 0) for shard in receipts)
    if not busy_s or not num_bytes_done:
        return None
    return max(sum(planned.values()) - num_bytes_done, 0) * busy_s / num_bytes_done


def _span(receipt: Receipt) -> tuple[float, float] | None:
    """None for a time that is none; it decides nothing but the pace."""
    try:
        ended = datetime.fromisoformat(receipt.finished_at).timestamp()
    except ValueError:
        return None
    return ended - receipt.seconds, ended
