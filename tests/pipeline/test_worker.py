"""A worker: each shard is committed once, by an engine that is the one that was judged."""

import itertools
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import OrderError
from longriver.jobs.config import RunConfig
from longriver.pipeline.lease import Lease
from longriver.pipeline.ledger import DamagedReceipt, Ledger
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.session import Session
from longriver.pipeline.worker import Worker, WorkerShell, WorkerSpec
from tests.fakes import FakeEngine, RaisingJob, fake_nll
from tests.orders import assert_whole, begin, changed, order_of, rows_of, write_texts
from tests.pipeline.faults.trial import in_fork


def silent(progress: Progress) -> None: ...


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return order_of(write_texts(tmp_path / "texts", num_files=2), tmp_path / "run")


@pytest.fixture
def begun(config: RunConfig) -> tuple[Session, WorkerSpec]:
    return begin(config)


def run_all(worker: Worker, session: Session) -> list[Receipt]:
    return [worker.run_shard(Lease(shard), silent) for shard in session.plan.shards]


def test_what_a_worker_commits_is_whole(
    begun: tuple[Session, WorkerSpec], config: RunConfig, tmp_path: Path
) -> None:
    session, spec = begun
    receipts = run_all(Worker(FakeEngine(), spec), session)
    assert_whole(session)
    assert receipts == list(Ledger(session.folder).read_all().values())
    contents = [path.read_bytes() for path in sorted((tmp_path / "texts").iterdir())]
    rows = rows_of(tmp_path / "run", "score")
    assert [row["nll"] for row in rows] == [fake_nll(text) for text in contents]


def test_a_shard_that_is_committed_is_not_done_again(begun: tuple[Session, WorkerSpec]) -> None:
    session, spec = begun
    first = run_all(Worker(FakeEngine(), spec), session)
    engine = FakeEngine()
    assert run_all(Worker(engine, spec), session) == first
    assert engine.num_runs == 0


def test_of_two_attempts_at_once_the_second_takes_its_files_away(
    begun: tuple[Session, WorkerSpec],
) -> None:
    session, spec = begun
    winners: list[Receipt] = []

    def while_the_other_works(progress: Progress) -> None:
        if not winners:
            winners.extend(run_all(Worker(FakeEngine(), spec), session))

    shard = session.plan.shards[0]
    receipt = Worker(FakeEngine(), spec).run_shard(Lease(shard), while_the_other_works)
    assert receipt == winners[0]
    assert_whole(session, num_orphans=0)


def test_of_a_document_that_breaks_late_no_segment_is_in_the_tables(tmp_path: Path) -> None:
    path, run = tmp_path / "a.parquet", tmp_path / "run"
    pq.write_table(pa.table({"text": ["fine", "long enough for a segment!", "last"]}), path)
    parts: dict[str, dict[str, object]] = {
        "data": {"shard_bytes": 1000},
        "job": {"segment_tokens": 4},
    }
    session, spec = begin(order_of(path, run, **parts))
    [receipt] = run_all(Worker(FakeEngine(num_slots=1, bad_token=ord("!")), spec), session)
    assert [row["source_row"] for row in rows_of(run, "score")] == [0, 2]
    ids = {row["document_id"] for row in rows_of(run, "segments")}
    assert ids == {row["document_id"] for row in rows_of(run, "score")}
    [dead] = rows_of(run, "dead")
    assert (dead["source_row"], dead["reason"]) == (1, "nonfinite")
    assert (receipt.counts.num_rows_in, receipt.counts.num_dead) == (3, 1)
    assert_whole(session, num_orphans=0)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_attempt_that_fails_leaves_nothing_behind(
    begun: tuple[Session, WorkerSpec], error: BaseException
) -> None:
    session, spec = begun
    worker = Worker(FakeEngine(), spec)
    worker.run_shard(Lease(session.plan.shards[0]), silent)

    def fail(progress: Progress) -> None:
        if progress.num_tokens > 20:
            raise error

    with pytest.raises(type(error)):
        worker.run_shard(Lease(session.plan.shards[1]), fail)
    run_all(Worker(FakeEngine(), spec), session)
    assert_whole(session, num_orphans=0)


Spoil = Callable[[WorkerSpec], WorkerSpec]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda spec: changed(spec, model="f" * 64), ["model.path=demo", "sha256:ffffffff"]),
        (lambda spec: changed(spec, tokenizer="f" * 64), ["model.vocab=bytes", "sha256:ffffffff"]),
        (
            lambda spec: replace(spec, output_path=f"{spec.output_path}-elsewhere"),
            ["-elsewhere", "is not the driver's run folder"],
        ),
        (
            lambda spec: replace(spec, metadata={**spec.metadata, "longriver.inputs_sha256": "0"}),
            ["is not the driver's run folder"],
        ),
    ],
    ids=["checkpoint", "vocabulary", "no folder", "folder of another run"],
)
def test_a_worker_that_sees_other_files_than_the_driver_is_refused(
    begun: tuple[Session, WorkerSpec], spoil: Spoil, words: list[str]
) -> None:
    _, spec = begun
    with pytest.raises(OrderError) as refusal:
        Worker.build(spoil(spec))
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_a_worker_of_another_release_sees_the_same_folder(
    begun: tuple[Session, WorkerSpec],
) -> None:
    _, spec = begun
    Worker.build(replace(spec, metadata={**spec.metadata, "longriver.version": "0.0.1"}))


def test_a_shell_forgets_its_progress_when_the_shard_is_over(config: RunConfig) -> None:
    job = RaisingJob(config.job, where="1.txt")
    session, spec = begin(config, job)
    shell = WorkerShell(spec)
    shell.load()
    good, bad = session.plan.shards
    receipt = shell.run_shard(Lease(good))
    assert receipt is not None and receipt.shard == good.name
    with pytest.raises(ValueError, match="this job"):
        shell.run_shard(Lease(bad))
    assert shell.pulse().so_far == Progress()


def test_what_a_worker_says_of_a_damaged_receipt_survives_the_way_to_the_driver() -> None:
    error = DamagedReceipt("runs/a", "000007", "it is empty")
    arrived = pickle.loads(pickle.dumps(error))
    assert str(arrived) == str(error) and arrived.shard == "000007"


def test_a_long_document_that_gets_on_is_not_to_blame_for_its_workers_ends(
    begun: tuple[Session, WorkerSpec], tmp_path: Path
) -> None:
    """Machines are taken back again and again; each time two more snapshots are there."""
    session, spec = begun
    shard = session.plan.shards[0]

    def killed_soon() -> int:
        steps = itertools.count()

        def step(progress: Progress) -> None:
            if next(steps) == 5:
                os.kill(os.getpid(), signal.SIGKILL)

        Worker(FakeEngine(), replace(spec, snapshot_tokens=8)).run_shard(Lease(shard), step)
        return 0

    codes = [-signal.SIGKILL]
    while codes[-1] == -signal.SIGKILL:
        codes.append(in_fork(killed_soon))
    assert len(codes) > 5 and codes[-1] == 0
    assert not rows_of(tmp_path / "run", "dead")
    text = Path(shard.pieces[0].source).read_bytes()
    assert [row["nll"] for row in rows_of(tmp_path / "run", "score")] == [fake_nll(text)]
