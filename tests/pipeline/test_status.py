"""How far a run is can be read from its folder alone."""

import json
from dataclasses import replace

import pytest

from longriver.pipeline.at_work import Driver, InFlight, Trouble
from longriver.pipeline.crumbs import Crumb, Crumbs
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.lock_holder import Holder
from longriver.pipeline.order import longriver_version
from longriver.pipeline.pace_of_run import WorkerShare, busy_seconds, seconds_left, shares
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.snapshot_file import SnapshotFile, stem
from longriver.pipeline.status import RunStatus, read_status
from longriver.pipeline.summary import summarize, write_summary
from tests.pipeline.runs import commit_shard, dead_letter, new_folder, receipt_of, score_row

PLANNED = {"000000": 100, "000001": 50, "000002": 7}
NOTHING = RunStatus(
    num_shards=3,
    num_shards_done=0,
    num_bytes=157,
    num_bytes_done=0,
    num_documents=0,
    num_tokens=0,
    num_dead=0,
    dead_reasons={},
    last_commit=None,
    is_complete=False,
    busy_seconds=0.0,
    seconds_left=None,
    driver=None,
    workers=(),
    troubles=(),
    in_flight=(),
)


def receipt_at(shard: int, ended: int, seconds: float, worker: str = "a:1") -> Receipt:
    receipt = receipt_of(f"{shard:06d}", "x", rows=[score_row(0)])
    finished_at = f"2026-01-02T03:{ended // 60:02}:{ended % 60:02}+00:00"
    return replace(receipt, finished_at=finished_at, seconds=seconds, worker=worker)


def leave_snapshot(folder: RunFolder, shard: str, index: int, num_tokens: int) -> str:
    path = stem(shard, index, num_tokens, "0123456789")
    file = SnapshotFile(
        shard=shard,
        index=index,
        document=(f"doc{index}", "a.parquet", index),
        num_tokens=num_tokens,
        arrays=f"{path}.safetensors",
        sha256="0" * 64,
        rows=(),
        longriver_version=longriver_version(),
    )
    folder.fs.makedirs(folder.path("snapshots", shard), exist_ok=True)
    folder.fs.pipe_file(folder.path(f"{path}.json"), file.to_json())
    return f"{path}.json"


def test_a_run_that_has_not_begun_has_done_nothing(run_url: str) -> None:
    assert read_status(new_folder(run_url), PLANNED) == NOTHING


def test_a_run_half_way_says_what_is_committed(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000002", [score_row(5)])
    commit_shard(folder, "000000", [score_row(0), score_row(1)], [dead_letter(2)])
    status = read_status(folder, PLANNED)
    assert status == replace(
        NOTHING,
        num_shards_done=2,
        num_bytes_done=107,
        num_documents=3,
        num_tokens=15,
        num_dead=1,
        dead_reasons={"null_text": 1},
        last_commit="2026-01-02T03:04:02+00:00",
        busy_seconds=status.busy_seconds,
        seconds_left=status.seconds_left,
        workers=(WorkerShare("host:1", 2, 15, 0.2),),
    )
    assert status.busy_seconds == pytest.approx(0.2, abs=1e-5)
    assert status.seconds_left == pytest.approx(50 * 0.2 / 107, abs=1e-5)


def test_a_run_is_complete_when_its_summary_is_written(run_url: str) -> None:
    folder = new_folder(run_url)
    receipts = [commit_shard(folder, name, []) for name in PLANNED]
    assert not read_status(folder, PLANNED).is_complete
    write_summary(folder, summarize(folder, receipts))
    assert read_status(folder, PLANNED).is_complete


def test_deaths_at_shards_that_are_not_committed_are_told(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [])
    for shard, crumb in [
        ("000000", Crumb()),
        ("000001", Crumb()),
        ("000001", Crumb((3, 4))),
        ("000001", Crumb((4,), is_alone=True)),
        ("000002", Crumb()),
    ]:
        Crumbs(folder, shard).leave(f"{shard}{len(crumb.documents)}{crumb.is_alone}", crumb)
    troubles = read_status(folder, PLANNED).troubles
    assert troubles == (Trouble("000001", 3, 1, 1), Trouble("000002", 1, 0, 0))


def test_documents_in_flight_are_told_by_their_newest_snapshot(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [])
    leave_snapshot(folder, "000000", 0, 9999)
    leave_snapshot(folder, "000001", 3, 1024)
    leave_snapshot(folder, "000001", 3, 2048)
    leave_snapshot(folder, "000002", 0, 5120)
    torn = leave_snapshot(folder, "000002", 1, 1024)
    folder.fs.pipe_file(folder.path(torn), b"{")
    assert read_status(folder, PLANNED).in_flight == (
        InFlight("000002", "doc0", 5120),
        InFlight("000001", "doc3", 2048),
    )


def test_who_holds_the_lock_is_told(run_url: str) -> None:
    folder = new_folder(run_url)
    with DriverLock(folder) as lock:
        holder = lock.holder
        driver = read_status(folder, PLANNED).driver
    assert driver == Driver(holder.host, holder.pid, holder.since, is_alive=True)
    assert read_status(folder, PLANNED).driver is None


@pytest.mark.parametrize(("machine", "is_alive"), [("", None), ("here", False)])
def test_a_holder_that_is_gone_or_elsewhere_is_told(
    run_url: str, machine: str, is_alive: bool | None
) -> None:
    folder = new_folder(run_url)
    here = Holder.this_process()
    other = replace(here, machine=machine and here.machine, pid=1, born="0")
    folder.fs.makedirs(folder.lock_path, exist_ok=True)
    folder.fs.pipe_file(f"{folder.lock_path}/000002.json", other.to_json())
    driver = read_status(folder, PLANNED).driver
    assert driver is not None and driver.is_alive is is_alive


def test_time_counts_in_which_any_worker_was_busy() -> None:
    receipts = [receipt_at(0, 10, 10), receipt_at(1, 12, 10, "b:2"), receipt_at(2, 100, 5)]
    assert busy_seconds(receipts) == 17
    assert busy_seconds(reversed(receipts)) == 17
    assert busy_seconds([]) == 0
    assert busy_seconds([replace(receipts[0], finished_at="yesterday"), receipts[2]]) == 5


def test_time_left_is_at_the_pace_so_far() -> None:
    receipts = {r.shard: r for r in [receipt_at(0, 10, 10)]}
    assert seconds_left(receipts, PLANNED, 10) == pytest.approx(5.7)
    assert seconds_left({}, PLANNED, 0) is None
    assert seconds_left(receipts, {"000000": 0, "000001": 0}, 10) is None


def test_workers_are_told_by_what_they_did() -> None:
    found = shares(
        [receipt_at(0, 10, 10), receipt_at(1, 12, 2, "b:2"), receipt_at(2, 14, 2, "b:2")]
    )
    assert found == (WorkerShare("b:2", 2, 10, 4), WorkerShare("a:1", 1, 5, 10))
    assert [share.tokens_per_s for share in found] == [2.5, 0.5]


def test_scripts_get_one_object(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000000", [score_row(0)], [dead_letter(1)])
    record = json.loads(read_status(folder, PLANNED).to_json())
    assert record["num_shards_done"] == 1 and record["dead_reasons"] == {"null_text": 1}
    assert record["workers"][0]["tokens_per_s"] == pytest.approx(50)
    assert record["driver"] is None
