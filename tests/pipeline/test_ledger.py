"""Exactly one receipt commits a shard."""

import dataclasses
import errno
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.ledger import DamagedReceipt, Ledger
from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from tests.pipeline.runs import receipt_of
from tests.pipeline.stores import patient

NUM_ATTEMPTS = 50


class ForgetfulStore(MemoryFileSystem):
    """Does what it is told, loses the answer, and is told again, as a retrying client does."""

    cachable = False

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        super().pipe_file(path, value, mode=mode)
        raise OSError(errno.EINVAL, "PreconditionFailed")


def test_of_many_racing_attempts_one_commits_and_its_receipt_is_whole(run_url: str) -> None:
    ledger = Ledger(RunFolder.open(run_url))
    files = [FileEntry("score", f"score/{n}", n, n, "f" * 64) for n in range(200)]
    receipts = [receipt_of("000007", f"attempt{n}", files) for n in range(NUM_ATTEMPTS)]
    barrier = Barrier(NUM_ATTEMPTS)

    def commit(receipt: Receipt) -> bool:
        barrier.wait()
        return ledger.commit(receipt)

    with ThreadPoolExecutor(NUM_ATTEMPTS) as pool:
        won = list(pool.map(commit, receipts))
    assert won.count(True) == 1
    assert ledger.read_all() == {"000007": receipts[won.index(True)]}


def test_committing_the_same_receipt_again_is_no_second_commit(run_url: str) -> None:
    ledger = Ledger(RunFolder.open(run_url))
    assert ledger.commit(receipt_of("000001", "mine"))
    assert ledger.commit(receipt_of("000001", "mine"))
    assert not ledger.commit(receipt_of("000001", "another's"))


def test_a_commit_whose_answer_was_lost_is_still_a_commit() -> None:
    ledger = Ledger(RunFolder("forgetful://a", patient(ForgetfulStore()), "/forgetful/a"))
    assert ledger.commit(receipt_of("000001", "mine"))
    assert not ledger.commit(receipt_of("000001", "another's"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sums_come_back_to_the_bit(value: float) -> None:
    receipt = dataclasses.replace(receipt_of("000001", "a"), sums={"nll": value})
    assert Receipt.from_json(receipt.to_json()).sums["nll"].hex() == value.hex()


def test_an_empty_ledger_has_no_shards(run_url: str) -> None:
    ledger = Ledger(RunFolder.open(run_url))
    assert ledger.committed() == set()
    assert ledger.read_all() == {}


def test_receipts_come_in_shard_order(run_url: str) -> None:
    ledger = Ledger(RunFolder.open(run_url))
    for shard in ("000010", "000002", "000001"):
        ledger.commit(receipt_of(shard, "a"))
    assert list(ledger.read_all()) == ["000001", "000002", "000010"]


def test_only_receipts_count_as_committed(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    ledger = Ledger(folder)
    ledger.commit(receipt_of("000001", "a"))
    folder.fs.pipe_file(folder.path("ledger", ".000002.json.abc.tmp"), b"half")
    folder.fs.pipe_file(folder.path("ledger", "notes.txt"), b"by hand")
    assert ledger.committed() == {"000001"}


@pytest.mark.parametrize(
    "data", [b"", b'{"shard": "000001"', b"[]", b"{}", b'{"files": [1]}', b"\xff\xfe"]
)
def test_a_damaged_receipt_is_named_with_the_way_out(run_url: str, data: bytes) -> None:
    folder = RunFolder.open(run_url)
    ledger = Ledger(folder)
    ledger.commit(receipt_of("000001", "a"))
    folder.fs.pipe_file(ledger.path("000001"), data)
    with pytest.raises(DamagedReceipt, match=r"ledger/000001\.json is no whole receipt.*delete it"):
        ledger.read_all()


def test_a_receipt_under_another_name_is_damaged(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    ledger = Ledger(folder)
    ledger.commit(receipt_of("000001", "a"))
    folder.fs.raw.copy(ledger.path("000001"), ledger.path("000002"))
    with pytest.raises(DamagedReceipt, match=r"000002\.json.*it is for 000001"):
        ledger.read_all()
