"""A worker that is asked to leave saves its long documents where they stand."""

from pathlib import Path

import pytest

from longriver.pipeline.drain import Drained
from longriver.pipeline.job import Reader
from longriver.pipeline.lease import Lease
from longriver.pipeline.progress import Progress
from longriver.pipeline.worker import Worker
from tests.fakes import FakeEngine
from tests.orders import assert_whole, begin, file_hashes, order_of

LONG = 6000


class Leaving:
    """Hears of progress, and leaves behind so many tokens."""

    def __init__(self, num_tokens: int) -> None:
        self.num_tokens = num_tokens
        self.heard: list[int] = []

    def __call__(self, progress: Progress) -> None:
        self.heard.append(progress.num_tokens)
        if progress.num_tokens >= self.num_tokens:
            raise Drained


def engine() -> Reader:
    return FakeEngine(num_slots=2, chunk_tokens=100)


@pytest.mark.parametrize("num_tokens", [100, 3_000, 7_000, 9_000])
def test_no_more_than_a_step_is_read_again(tmp_path: Path, num_tokens: int) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.txt").write_text(f"{name} " + "x" * LONG)
    snapshots: dict[str, object] = {"snapshot_tokens": 1_000_000}
    data: dict[str, object] = {"shard_bytes": 10 * LONG}
    order = order_of(folder, tmp_path / "run", data=data, output=snapshots)
    session, spec = begin(order)
    [shard] = session.plan.shards
    leaving = Leaving(num_tokens)
    with pytest.raises(Drained):
        Worker(engine(), spec).run_shard(Lease(shard), leaving)
    staying = Leaving(3 * LONG)
    Worker(engine(), spec).run_shard(Lease(shard), staying)
    unsaved = 2 * 1024
    assert staying.heard[0] >= num_tokens - unsaved
    assert_whole(session, num_orphans=0)
    assert not list((tmp_path / "run" / "crumbs").rglob("*.json"))

    undisturbed, spec = begin(order_of(folder, tmp_path / "reference", data=data))
    Worker(engine(), spec).run_shard(Lease(shard), Leaving(3 * LONG))
    assert file_hashes(tmp_path / "run") == file_hashes(tmp_path / "reference")
    assert undisturbed.receipts()
