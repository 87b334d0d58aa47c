"""Taking back commits: any point at which that ends leaves a run that goes on."""

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from longriver.pipeline.crumbs import Crumb, Crumbs
from longriver.pipeline.dead_letters import reasons_by_shard, total
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.storage import Storage
from longriver.pipeline.summary import summarize, write_summary
from longriver.pipeline.withdraw import withdraw
from tests.pipeline.runs import commit_shard, dead_letter, new_folder, score_row


def crashed(row: int) -> DeadLetter:
    return DeadLetter(f"a:{row}", "a", row, 1, "worker_crash", "it was read alone")


def finished(url: str) -> RunFolder:
    folder = new_folder(url)
    commit_shard(folder, "000000", [score_row(0)], [dead_letter(1), crashed(2)])
    commit_shard(folder, "000001", [score_row(3)])
    commit_shard(folder, "000002", [score_row(4)], [dead_letter(5)])
    write_summary(folder, summarize(folder, Ledger(folder).read_all().values()))
    folder.fs.pipe_file(folder.path("report.html"), b"<html>")
    return folder


def test_shards_leave_the_ledger_and_the_run_is_complete_no_more(run_url: str) -> None:
    folder = finished(run_url)
    Crumbs(folder, "000000").leave("one", Crumb((2,), is_alone=True))
    with DriverLock(folder) as lock:
        withdraw(lock, ["000000"])
    assert Ledger(folder).committed() == {"000001", "000002"}
    assert not folder.has_succeeded()
    assert not {"summary.json", "report.html"} & list_sizes(folder).keys()
    assert not Crumbs(folder, "000000").verdict([]).has_deaths


def test_nothing_to_take_back_changes_nothing(run_url: str) -> None:
    folder = finished(run_url)
    before = list_sizes(folder)
    with DriverLock(folder) as lock:
        withdraw(lock, [])
    assert list_sizes(folder) == before


class Stopping(MemoryFileSystem):
    """A storage at which this process ends with its n-th removal."""

    cachable = False
    num_left = 0

    def rm_file(self, path: str) -> None:
        if "/lock/" not in path:
            self.num_left -= 1
            if self.num_left < 0:
                raise KeyboardInterrupt
        super().rm_file(path)


@pytest.mark.parametrize("num_removals", range(6))
def test_wherever_it_ends_the_run_is_not_complete_before_a_shard_is_missing(
    num_removals: int,
) -> None:
    whole = finished(f"memory://runs/stopping{num_removals}")
    fs = Stopping()
    fs.num_left = num_removals
    folder = RunFolder(whole.url, Storage(fs, "output.path=x"), whole.root)
    Crumbs(whole, "000000").leave("one", Crumb())
    with pytest.raises(KeyboardInterrupt), DriverLock(folder) as lock:
        withdraw(lock, ["000000", "000002"])
    assert not (whole.has_succeeded() and len(Ledger(whole).committed()) < 3)
    assert whole.has_succeeded() == (num_removals == 0)
    with DriverLock(whole) as lock:
        withdraw(lock, reasons_by_shard(whole, Ledger(whole).read_all().values()))
    assert Ledger(whole).committed() == {"000001"}


def test_dead_letters_are_counted_by_shard_and_reason(run_url: str) -> None:
    folder = finished(run_url)
    found = reasons_by_shard(folder, Ledger(folder).read_all().values())
    assert found == {"000000": {"null_text": 1, "worker_crash": 1}, "000002": {"null_text": 1}}
    assert list(total(found).items()) == [("null_text", 2), ("worker_crash", 1)]


def test_a_lost_file_of_dead_letters_says_so(run_url: str) -> None:
    folder = finished(run_url)
    receipts = Ledger(folder).read_all()
    [entry] = receipts["000002"].files_of("dead")
    folder.fs.rm_file(folder.path(entry.path))
    with pytest.raises(Exception, match=f"{entry.path} is missing, though the ledger names it"):
        reasons_by_shard(folder, receipts.values())
