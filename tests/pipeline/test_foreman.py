"""Real processes that die, fail, hang and freeze: every document is done, or says why not."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from longriver.engine.errors import OrderError, RunFailed
from longriver.engine.sequence import Sequence
from longriver.jobs.config import RunConfig
from longriver.pipeline.dispatcher import Limits
from longriver.pipeline.drain import Drain, Drained
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.session import Session
from longriver.pipeline.worker import Worker, WorkerShell, WorkerSpec
from tests.fakes import FakeEngine, Result
from tests.orders import assert_whole, begin, file_hashes, order_of, rows_of
from tests.pipeline.faults.fork_crew import ForkCrew
from tests.pipeline.faults.points import Counters, Points
from tests.pipeline.faults.scene import NO_LIMITS, ForkWorkforce
from tests.pipeline.faults.trial import in_fork

POISON = "☠"
Act = Callable[[], None]


class PoisonedEngine(FakeEngine):
    """Does something terrible when it comes to read a certain byte."""

    def __init__(self, act: Act, num_slots: int = 3) -> None:
        super().__init__(num_slots=num_slots, chunk_tokens=4)
        self.act = act

    def _read(self, sequence: Sequence) -> Result:
        result = super()._read(sequence)
        if any(byte == POISON.encode()[0] for byte in getattr(result, "tokens").ids):  # noqa: B009
            self.act()
        return result


class PoisonedShell(WorkerShell):
    """A shell with such an engine."""

    act: Act

    def load(self) -> tuple[str, float]:
        self.worker = Worker(PoisonedEngine(self.act), self.spec)
        return self.node(), 0.0


def shell_that(act: Act) -> Callable[[WorkerSpec], WorkerShell]:
    def new_shell(spec: WorkerSpec) -> WorkerShell:
        shell = PoisonedShell(spec)
        shell.act = act
        return shell

    return new_shell


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise ValueError("this document\ncannot be read")


def hang() -> None:
    time.sleep(1000)


def no_points() -> Points:
    return Points("/nowhere", Counters(), ())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A JSON lines file, one shard: twelve documents, two of them poisoned."""
    folder = tmp_path / "texts"
    folder.mkdir()
    words = [POISON if n in (2, 9) else "fine" for n in range(12)]
    lines = [f'{{"text": "document {n} is {word}"}}\n' for n, word in enumerate(words)]
    (folder / "a.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture
def config(texts: Path, tmp_path: Path) -> RunConfig:
    return order_of(texts, tmp_path / "run", data={"shard_bytes": 100_000})


def work(config: RunConfig, act: Act, limits: Limits = NO_LIMITS, num_workers: int = 2) -> Session:
    session, spec = begin(config)
    workforce = ForkWorkforce(no_points(), Drain(), num_workers, limits, new_shell=shell_that(act))
    with workforce:
        session.work(workforce, spec, SilentReporter())
    return session


def dead(config: RunConfig) -> list[tuple[object, object]]:
    return [(row["source_row"], row["reason"]) for row in rows_of(Path(config.output.path), "dead")]


@pytest.mark.parametrize("act", [die, fail, hang])
def test_documents_that_kill_are_dead_letters_and_their_neighbours_are_done(
    config: RunConfig, act: Act
) -> None:
    limits = Limits(hang_s=0.7, max_convicted=20) if act is hang else NO_LIMITS
    session = work(config, act, limits)
    assert_whole(session, num_orphans=len(orphans(session)))
    assert dead(config) == [(2, "worker_crash"), (9, "worker_crash")]
    done = [row["source_row"] for row in rows_of(Path(config.output.path), "score")]
    assert done == [n for n in range(12) if n not in (2, 9)]
    assert not (Path(config.output.path) / "crumbs").exists() or not list(
        (Path(config.output.path) / "crumbs").rglob("*.json")
    )


def orphans(session: Session) -> list[str]:
    """What dead attempts have left."""
    root = Path(session.folder.root)
    named = {f.path for r in session.receipts().values() for f in r.files}
    found = [p for table in session.order.tables for p in (root / table).rglob("*.parquet")]
    return [str(p) for p in found if str(p.relative_to(root)) not in named]


def test_what_a_worker_said_at_its_end_is_in_the_dead_letter(config: RunConfig) -> None:
    work(config, fail)
    [first, _] = rows_of(Path(config.output.path), "dead")
    assert first["detail"] == (
        "it was read alone when its worker failed with ValueError: this document cannot be read"
    )
    assert first["document_id"] == "a.jsonl:2"


def test_deaths_are_remembered_from_one_command_to_the_next(config: RunConfig) -> None:
    """Documents that end the whole command each time are found out all the same."""

    def take_the_driver_along() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    begin(config)
    codes = [in_fork(lambda: 0 if work(config, take_the_driver_along) else 1) for _ in range(5)]
    assert codes == [-signal.SIGKILL] * 4 + [0]
    assert dead(config) == [(2, "worker_crash"), (9, "worker_crash")]


def test_too_many_documents_that_kill_stop_the_run(config: RunConfig) -> None:
    with pytest.raises(RunFailed, match="more than 1 documents have each ended a worker"):
        work(config, die, Limits(hang_s=None, max_convicted=1))


def test_a_shard_that_fails_before_any_document_stops_the_run_after_three_attempts(
    config: RunConfig, caplog: pytest.LogCaptureFixture
) -> None:
    def cannot(spec: WorkerSpec) -> WorkerShell:
        shell = PoisonedShell(spec)
        shell.run_shard = lambda lease: 1 / 0
        shell.act = die
        return shell

    session, spec = begin(config)
    workforce = ForkWorkforce(no_points(), Drain(), 2, new_shell=cannot)
    with workforce, pytest.raises(RunFailed, match="failed 3 times, last with ZeroDivisionError"):
        session.work(workforce, spec, SilentReporter())
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [
        f"shard 000000, attempt {n} of 3: ZeroDivisionError: division by zero" for n in (1, 2)
    ]


def test_what_a_worker_says_of_the_order_ends_the_run_at_once(config: RunConfig) -> None:
    def refuse() -> None:
        raise OrderError("a=1 is bad; give b=2")

    with pytest.raises(OrderError, match="a=1 is bad"):
        work(config, refuse)
    assert not list((Path(config.output.path) / "crumbs").rglob("*.json"))


def test_a_frozen_worker_that_wakes_up_doubles_nothing(tmp_path: Path) -> None:
    """Its shard is done by another in the meantime, and its own commit comes second."""
    folder, reference = tmp_path / "texts", tmp_path / "reference"
    folder.mkdir()
    for n in range(4):
        word = POISON if n == 3 else "fine"
        (folder / f"{n}.txt").write_text(f"document {n} is {word} " + "." * 30 * n)
    marks = tmp_path / "pids"
    marks.mkdir()

    def freeze_once() -> None:
        if not list(marks.iterdir()):
            (marks / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGSTOP)

    session, spec = begin(order_of(folder, tmp_path / "run"))
    limits = Limits(hang_s=None, max_convicted=20, lag_s=0.5)
    workforce = ForkWorkforce(no_points(), Drain(), 2, limits, new_shell=shell_that(freeze_once))
    with workforce:
        session.work(workforce, spec, SilentReporter())
        frozen = int(next(marks.iterdir()).name)
        os.kill(frozen, signal.SIGCONT)
        wait_for_quiet(workforce.crew)
    assert_whole(session, num_orphans=0)
    undisturbed, spec = begin(order_of(folder, reference))
    with ForkWorkforce(no_points(), Drain(), 1) as alone:
        undisturbed.work(alone, spec, SilentReporter())
    assert file_hashes(tmp_path / "run") == file_hashes(reference)


def wait_for_quiet(crew: ForkCrew) -> None:
    """Until the frozen worker has said how it ended."""
    give_up_s = time.monotonic() + 20
    while time.monotonic() < give_up_s:
        if any(type(event).__name__ in ("Done", "Left", "Lost") for event in crew.events(0.2)):
            return
    pytest.fail("the worker never woke up")


def test_a_drained_run_lets_go_of_everything_and_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.txt").write_text(f"document {n} {POISON} " + "." * 4000)
    config = order_of(folder, tmp_path / "run")
    session, spec = begin(config)
    drain = Drain()

    def dawdle() -> None:
        time.sleep(0.5)

    workforce = ForkWorkforce(no_points(), drain, 2, new_shell=shell_that(dawdle))
    timer = threading.Timer(0.3, drain.ask)
    with workforce, pytest.raises(Drained):
        timer.start()
        session.work(workforce, spec, SilentReporter())
    assert not list((tmp_path / "run" / "crumbs").rglob("*.json")), "nobody died"
    assert_whole(work(config, dawdle))
