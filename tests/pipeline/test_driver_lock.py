"""One driver at a time works on a run folder, and a dead one's lock passes on."""

import dataclasses
import itertools
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.driver_commit import settle
from longriver.pipeline.driver_lock import DEAD_S, SETTLE_S, DriverLock, Times
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.lock_holder import Holder, Pulse
from longriver.pipeline.run_folder import RunFolder
from tests.pipeline.runs import commit_shard, new_folder, receipt_of, score_row
from tests.pipeline.stores import FaultyStore, OverwritingStore, patient, slow_down

ROOT = Path(__file__).parents[2]


class Hours:
    """Time that passes only when somebody sleeps; ``meanwhile`` is what happens then."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.now_s, self.meanwhile = 1000.0, meanwhile

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.meanwhile()

    @property
    def times(self) -> Times:
        return Times(lambda: self.now_s, self.sleep)


def elsewhere(beat: int = 0, since: str = "2026-01-02T03:04:05+00:00") -> Holder:
    """A holder on another machine, of which nothing is known but its file."""
    here = Holder.this_process()
    return dataclasses.replace(here, host="far", machine="other boot", beat=beat, since=since)


@contextmanager
def left_behind(folder: RunFolder, holder: Holder) -> Iterator[None]:
    """A lock whose holder went without letting go."""
    path = f"{folder.lock_path}/000001.json"
    folder.create(path, holder.to_json())
    yield


def lock_files(folder: RunFolder) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in folder.fs.find(folder.lock_path))


def test_a_lock_is_gone_when_its_work_is_done(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    for _ in range(2):
        with DriverLock(folder) as lock:
            lock.check()
            lock.require()
            assert lock_files(folder) == ["000001.json"]
            assert lock.commits == "worker"
        assert lock_files(folder) == []


def test_a_second_driver_is_told_of_the_first_at_once(run_url: str) -> None:
    folder = new_folder(run_url)
    hours = Hours()
    with DriverLock(folder) as first:
        with pytest.raises(OrderError) as refusal, DriverLock(folder, hours.times):
            pass
        first.require()
    holder = first.holder
    assert hours.now_s == 1000
    assert str(refusal.value) == (
        f"output.path={run_url}: another longriver (pid {holder.pid} on {holder.host}, since "
        f"{holder.since}) is at work on this folder; wait for it, or stop it"
    )


def test_of_many_drivers_that_race_one_gets_the_lock(run_url: str) -> None:
    folder = new_folder(run_url)
    barrier, done = threading.Barrier(8), threading.Event()

    def race(index: int) -> bool:
        barrier.wait()
        try:
            with DriverLock(folder) as lock:
                done.wait(20)
                lock.require()
                return True
        except OrderError:
            return False

    with ThreadPoolExecutor(8) as pool:
        racing = [pool.submit(race, index) for index in range(8)]
        losers = 0
        while losers < 7:
            losers = sum(each.done() for each in racing)
        done.set()
        assert sum(each.result() for each in racing) == 1


HOLD = """
import sys, time
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.run_folder import RunFolder
with DriverLock(RunFolder.open(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_driver_of_this_machine_is_followed_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = new_folder(str(tmp_path / "run"))
    command = [sys.executable, "-c", HOLD, folder.root]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None and driver.stdout.readline() == b"held\n"
        with pytest.raises(OrderError, match=f"pid {driver.pid} on "), DriverLock(folder):
            pass
        driver.kill()
    hours = Hours()
    with caplog.at_level(logging.WARNING), DriverLock(folder, hours.times) as lock:
        assert lock_files(folder) == ["000002.json"]
        lock.require()
    assert hours.now_s == 1000
    assert f"takes over the lock of pid {driver.pid} on " in caplog.text


def test_a_pid_that_is_another_process_by_now_is_a_dead_driver() -> None:
    here = Holder.this_process()
    assert here.pulse is Pulse.ALIVE
    assert dataclasses.replace(here, born="1").pulse is Pulse.GONE
    assert dataclasses.replace(here, pid=2**22 + 1).pulse is Pulse.GONE
    assert dataclasses.replace(here, machine="another boot").pulse is Pulse.UNKNOWN
    assert dataclasses.replace(here, machine="").pulse is Pulse.UNKNOWN


def test_a_silent_driver_elsewhere_is_waited_for_and_then_followed(
    run_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder, hours = new_folder(run_url), Hours()
    with left_behind(folder, elsewhere()), DriverLock(folder, hours.times) as lock:
        lock.require()
        assert lock_files(folder) == ["000002.json"]
    assert DEAD_S <= hours.now_s - 1000 <= DEAD_S + 5
    assert caplog.text.count("waiting for a sign of life") == 1


def test_a_driver_elsewhere_that_gives_a_sign_of_life_is_at_work(run_url: str) -> None:
    folder, holder = new_folder(run_url), elsewhere()
    path = f"{folder.lock_path}/000001.json"
    hours = Hours(lambda: folder.replace(path, holder.next_beat().to_json()))
    with (
        left_behind(folder, holder),
        pytest.raises(OrderError, match=r"pid \d+ on far, since .* is at work"),
        DriverLock(folder, hours.times),
    ):
        pass
    assert lock_files(folder) == ["000001.json"]


def test_clocks_of_other_machines_do_not_count(run_url: str) -> None:
    folder, hours = new_folder(run_url), Hours()
    holder = elsewhere(since="2999-01-01T00:00:00+00:00")
    with left_behind(folder, holder), DriverLock(folder, hours.times) as lock:
        lock.require()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"pid": 1}', b"\xff"])
def test_a_torn_lock_is_a_silent_one(run_url: str, data: bytes) -> None:
    folder, hours = new_folder(run_url), Hours()
    folder.create(f"{folder.lock_path}/000001.json", data)
    with DriverLock(folder, hours.times) as lock:
        lock.require()
    assert hours.now_s - 1000 >= DEAD_S


def test_a_driver_whose_lock_was_taken_stops(run_url: str) -> None:
    folder = new_folder(run_url)
    with DriverLock(folder) as lock:
        folder.create(f"{folder.lock_path}/000002.json", elsewhere().to_json())
        lock.check()
        lock.refresh()
        for ask in (lock.check, lock.require):
            with pytest.raises(RunFailed, match=r"lost the lock .* has taken over"):
                ask()
    assert lock_files(folder) == ["000002.json"]


def test_a_zombie_does_not_come_back_behind_the_one_who_followed_it(run_url: str) -> None:
    folder, hours = new_folder(run_url), Hours()
    zombie = DriverLock(folder, holder=elsewhere())
    with zombie:
        with DriverLock(folder, hours.times):
            pass
        zombie.refresh()
        with pytest.raises(RunFailed, match="has taken over"):
            zombie.check()
        assert lock_files(folder) == []


def test_a_lock_goes_into_no_folder_with_other_files(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    folder.fs.makedirs(folder.root, exist_ok=True)
    folder.fs.pipe_file(folder.path("thesis.docx"), b"years of work")
    with pytest.raises(OrderError, match=r"thesis\.docx"), DriverLock(folder):
        pass
    assert lock_files(folder) == []


def test_a_place_that_takes_no_lock_is_refused() -> None:
    with (
        pytest.raises(OrderError, match=r"output\.path=/proc/run: cannot be written"),
        DriverLock(RunFolder.open("/proc/run")),
    ):
        pass


def folder_of(store: FaultyStore | OverwritingStore, name: str) -> RunFolder:
    return RunFolder(f"store://{name}", patient(store), f"/locks/{name}")


def test_a_create_whose_answer_was_lost_is_still_the_drivers_own() -> None:
    store = FaultyStore()
    store.befall("pipe_file", slow_down(), when="after")
    with DriverLock(folder_of(store, "lost")) as lock:
        lock.require()
        assert lock.commits == "worker"


def test_where_create_overwrites_the_driver_commits_alone() -> None:
    folder, hours = folder_of(OverwritingStore(), "over"), Hours()
    with DriverLock(folder, hours.times) as lock:
        assert lock.commits == "driver"
        assert hours.now_s - 1000 == SETTLE_S
        with pytest.raises(OrderError, match="is at work"), DriverLock(folder, Hours().times):
            pass
        lock.require()
    assert lock_files(folder) == []


def test_of_two_that_write_at_once_the_later_one_holds_the_lock() -> None:
    folder = folder_of(OverwritingStore(), "both")
    path, signs = f"{folder.lock_path}/000001.json", itertools.count()
    hours = Hours(lambda: folder.replace(path, elsewhere(beat=next(signs)).to_json()))
    with pytest.raises(OrderError, match="on far"), DriverLock(folder, hours.times):
        pass


def test_a_driver_that_commits_alone_stops_when_it_can_give_no_sign_of_life() -> None:
    folder, hours = folder_of(OverwritingStore(), "silent"), Hours()
    with DriverLock(folder, hours.times) as lock:
        hours.now_s += DEAD_S / 2 - SETTLE_S - 1
        lock.require()
        hours.now_s += 2
        with pytest.raises(RunFailed, match="took no sign of life for 31 s"):
            lock.require()


def test_the_driver_commits_for_a_worker_and_the_second_attempt_leaves_no_file() -> None:
    folder, hours = folder_of(OverwritingStore(), "settle"), Hours()
    with DriverLock(folder, hours.times) as lock:
        first, second = (receipt_of("000001", name, rows=[score_row(0)]) for name in "ab")
        assert settle(lock, first) == first == settle(lock, second) == settle(lock, first)
    assert Ledger(folder).read_all() == {"000001": first}


def test_a_driver_that_lost_its_lock_commits_nothing() -> None:
    folder, hours = folder_of(OverwritingStore(), "stolen"), Hours()
    with DriverLock(folder, hours.times) as lock:
        folder.replace(f"{folder.lock_path}/000001.json", elsewhere().to_json())
        with pytest.raises(RunFailed, match="has taken over"):
            settle(lock, receipt_of("000001", "a"))
    assert Ledger(folder).committed() == set()


def test_a_shard_whose_file_is_gone_or_cut_is_noticed_at_the_end(run_url: str) -> None:
    from longriver.pipeline.result_files import FileLost, check_files

    folder = new_folder(run_url)
    receipts = [commit_shard(folder, f"00000{n}", [score_row(n)]) for n in range(3)]
    check_files(folder, receipts)
    path = folder.path(receipts[1].files[0].path)
    data = folder.fs.cat_file(path)
    folder.fs.pipe_file(path, data[:-1])
    with pytest.raises(FileLost, match=f"has {len(data) - 1} bytes, {len(data)} were written"):
        check_files(folder, receipts)
    folder.fs.rm(path)
    with pytest.raises(FileLost, match=r"is missing; delete .*ledger/000001\.json and run"):
        check_files(folder, receipts)
