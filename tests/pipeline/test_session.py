"""A driver's session over a run folder: what is missing is done, and nothing else."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from longriver.engine.errors import OrderError, PlanMismatch, RunFailed
from longriver.jobs.config import RunConfig
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.drain import Drain
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.local import LocalWorkforce
from longriver.pipeline.plan import Plan
from longriver.pipeline.progress import Progress, SilentReporter
from longriver.pipeline.session import Session, input_plan
from longriver.pipeline.unchanged import InputChanged
from tests.fakes import FakeEngine, FakeWorkforce, ImpatientReporter
from tests.orders import assert_whole, begin, file_hashes, order_of, write_texts


@dataclass
class Diary(SilentReporter):
    """Notes what the reporter is told."""

    started: list[tuple[int, int, Progress]] = field(default_factory=list)
    updates: list[Progress] = field(default_factory=list)

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None:
        self.started.append((total_bytes, total_shards, before))

    def update(self, session: Progress) -> None:
        self.updates.append(session)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts")


@pytest.fixture
def config(texts: Path, tmp_path: Path) -> RunConfig:
    return order_of(texts, tmp_path / "run")


def work(config: RunConfig, workforce: FakeWorkforce | None = None) -> tuple[Session, Progress]:
    session, spec = begin(config)
    return session, session.work(workforce or FakeWorkforce(), spec, SilentReporter())


def interrupt(config: RunConfig, num_shards: int) -> None:
    session, spec = begin(config)
    with pytest.raises(KeyboardInterrupt):
        session.work(FakeWorkforce(), spec, ImpatientReporter(num_shards))


def test_shards_are_done_longest_first(config: RunConfig) -> None:
    workforce = FakeWorkforce()
    session, done = work(config, workforce)
    assert workforce.given == ["000003", "000002", "000001", "000000"]
    assert workforce.num_hired == [4]
    assert (done.num_documents, done.num_shards) == (4, 4)
    assert_whole(session)


def test_a_session_that_resumes_does_only_what_is_missing(config: RunConfig) -> None:
    interrupt(config, num_shards=3)
    workforce = FakeWorkforce()
    session, done = work(config, workforce)
    assert workforce.given == ["000000"] and workforce.num_hired == [1]
    assert (done.num_documents, done.num_shards) == (1, 1)
    assert_whole(session)


def test_nobody_is_hired_when_nothing_is_missing(config: RunConfig) -> None:
    work(config)
    workforce = FakeWorkforce()
    session, done = work(config, workforce)
    assert (workforce.num_hired, done) == ([], Progress())
    assert len(session.check_whole(config.data)) == 4


def test_the_reporter_hears_of_what_was_done_before_and_never_of_a_shard_twice(
    config: RunConfig,
) -> None:
    interrupt(config, num_shards=2)
    session, spec = begin(config)
    diary = Diary()
    done = session.work(FakeWorkforce(FakeEngine(bad_token=ord("0"))), spec, diary)
    [(total_bytes, total_shards, before)] = diary.started
    assert (total_bytes, total_shards) == (session.plan.num_bytes, 4)
    assert (before.num_shards, before.num_documents) == (2, 2)
    assert (done.num_documents, done.num_dead, done.num_shards) == (1, 1, 2)
    assert diary.updates[-1] == done
    assert done.num_bytes + before.num_bytes == total_bytes
    assert max(update.num_shards for update in diary.updates) == 2


def test_racing_drivers_go_by_the_plan_that_was_stored_first(config: RunConfig) -> None:
    first, _ = begin(config)
    other_cut = Plan(first.plan.shards[:1], 99, first.plan.fingerprint)
    second = Session.open(first.folder, first.order, other_cut)
    assert second.plan == first.plan == input_plan(first.folder, config.data)[0]


def test_a_run_that_died_before_its_plan_was_stored_makes_it_again(config: RunConfig) -> None:
    first, _ = begin(config)
    first.folder.fs.rm(first.folder.plan_path)
    session, _ = work(config)
    assert session.plan == first.plan
    assert_whole(session)


def test_a_plan_that_was_cut_off_is_refused_in_one_line(config: RunConfig) -> None:
    first, _ = begin(config)
    path = Path(first.folder.plan_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(PlanMismatch, match=r"plan\.parquet cannot be read"):
        begin(config)


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda texts: (texts / "2.txt").write_text("other words"),
        lambda texts: os.utime(texts / "2.txt", (0, 0)),
        lambda texts: (texts / "9.txt").write_text("one more"),
        lambda texts: (texts / "2.txt").unlink(),
    ],
    ids=["written", "touched", "added", "removed"],
)
def test_input_that_changes_during_the_run_is_noticed_at_its_end(
    config: RunConfig, texts: Path, change: Change
) -> None:
    session, _ = work(config)
    change(texts)
    with pytest.raises(InputChanged) as changed:
        session.check_whole(config.data)
    message = str(changed.value)
    assert message.startswith(f"data.path={texts} changed during the run")
    assert message.count("sha256:") == 2 and session.plan.fingerprint[:16] in message


def test_a_shard_that_read_other_rows_than_were_planned_is_noticed(config: RunConfig) -> None:
    session, _ = work(config)
    path = Path(Ledger(session.folder).path("000001"))
    receipt = json.loads(path.read_bytes())
    receipt["counts"] |= {"num_rows_in": 2}
    path.write_text(json.dumps(receipt))
    with pytest.raises(InputChanged, match="000001 read 2 rows, 1 were planned"):
        session.check_whole(config.data)


def test_a_shard_without_a_receipt_is_no_end(config: RunConfig) -> None:
    session, _ = work(config)
    Path(Ledger(session.folder).path("000001")).unlink()
    with pytest.raises(RunFailed, match="000001 is not committed; run the same command again"):
        session.check_whole(config.data)


def test_a_damaged_receipt_stops_the_run_and_its_removal_mends_it(config: RunConfig) -> None:
    session, _ = work(config)
    hashes = file_hashes(Path(config.output.path))
    path = Path(Ledger(session.folder).path("000001"))
    path.write_bytes(b"")
    with pytest.raises(RunFailed, match=f"{path} is no whole receipt"):
        work(config)
    path.unlink()
    workforce = FakeWorkforce()
    work(config, workforce)
    assert workforce.given == ["000001"]
    assert file_hashes(Path(config.output.path)) == hashes


def test_one_process_says_in_one_line_what_storage_refuses(config: RunConfig, texts: Path) -> None:
    session, spec = begin(config)
    Path(config.output.path, "score").write_text("no folder")
    with pytest.raises(RunFailed) as failed:
        session.work(LocalWorkforce(ClusterConfig(), Drain()), spec, SilentReporter())
    message = str(failed.value)
    assert message.startswith(f"shard 000003 of {texts}/3.txt failed with FileExistsError: ")
    assert message.endswith("the same command goes on from there")


def test_a_folder_of_another_order_is_refused(config: RunConfig, texts: Path) -> None:
    begin(config)
    with pytest.raises(OrderError, match=r"job\.segment_tokens=16, this order says 99"):
        begin(order_of(texts, Path(config.output.path), job={"segment_tokens": 99}))
