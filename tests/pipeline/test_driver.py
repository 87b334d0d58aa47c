"""Ray workers: the same bytes as one process gives, through deaths, failures and refusals."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from longriver.engine.errors import OrderError, RunFailed
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver import RayWorkforce, connect
from longriver.pipeline.job import Job
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.progress import Progress, SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.session import Session
from tests.fakes import KillingJob, RaisingJob
from tests.orders import assert_whole, begin, changed, file_hashes, order_of, rows_of, write_texts

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
TWO = ClusterConfig(kind="ray", num_workers=2)
ONE = ClusterConfig(kind="ray", num_workers=1)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts")


@pytest.fixture
def config(texts: Path, tmp_path: Path) -> RunConfig:
    return order_of(texts, tmp_path / "run")


def wait_until(is_so: Callable[[], bool], patience_s: float = 60) -> None:
    give_up_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < give_up_s, "waited in vain"
        time.sleep(0.05)


def work(config: RunConfig, job: Job | None = None, cluster: ClusterConfig = TWO) -> Session:
    session, spec = begin(config, job)
    with RayWorkforce(cluster, Drain()) as workforce:
        session.work(workforce, spec, SilentReporter())
    return session


def test_two_workers_give_the_same_bytes_as_one_process(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths may be relative to the driver's working directory, which workers do not share."""
    monkeypatch.chdir(tmp_path)
    relative = Path("texts")
    local = run(order_of(relative, Path("local")), SilentReporter())
    cluster: dict[str, object] = {"kind": "ray", "num_workers": 2}
    on_ray = run(order_of(relative, Path("ray"), cluster=cluster), SilentReporter())
    assert file_hashes(Path("ray")) == file_hashes(Path("local"))
    assert on_ray.summary == local.summary
    assert on_ray.session == local.session
    summaries = [Path(name, "summary.json").read_bytes() for name in ("ray", "local")]
    assert summaries[0] == summaries[1]
    workers = {r.worker for r in Ledger(RunFolder.open("ray")).read_all().values()}
    assert len(workers) == 2 and not any(w.endswith(f":{os.getpid()}") for w in workers)


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_doubled(
    config: RunConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    for index in range(2):
        (marks / str(index)).touch()
    assert_whole(work(config, KillingJob(config.job, marks=marks)))
    assert not list(marks.iterdir())
    assert "attempt 1 of 3: ActorDiedError: " in caplog.text


def test_a_document_that_always_fails_is_a_dead_letter_and_its_neighbours_are_done(
    config: RunConfig, caplog: pytest.LogCaptureFixture
) -> None:
    assert_whole(work(config, RaisingJob(config.job, where="1.txt"), ONE))
    [dead] = rows_of(Path(config.output.path), "dead")
    assert (dead["document_id"], dead["reason"]) == ("1.txt", "worker_crash")
    assert dead["detail"].endswith("failed with ValueError: this job cannot")
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert lines == [
        f"shard 000001, attempt {n} of {most}: ValueError: this job cannot"
        for n, most in ((1, 3), (2, 3), (3, 6))
    ]


@pytest.mark.parametrize("error", [OrderError("a=1 is bad; give b=2"), RunFailed("no; go on")])
def test_what_a_worker_says_in_so_many_words_arrives_as_it_was_said(
    config: RunConfig, error: Exception
) -> None:
    with pytest.raises(type(error)) as refused:
        work(config, RaisingJob(config.job, error=error), ONE)
    assert type(refused.value) is type(error)
    assert str(refused.value) == str(error)


def test_a_worker_with_another_checkpoint_is_refused_before_any_shard(config: RunConfig) -> None:
    session, spec = begin(config)
    with (
        RayWorkforce(ONE, Drain()) as workforce,
        pytest.raises(OrderError, match=r"model\.path=demo on "),
    ):
        workforce.start(changed(spec, model="f" * 64), 1)
    assert not session.receipts()


@pytest.mark.parametrize(
    ("cluster", "threads", "words"),
    [
        (ClusterConfig(kind="ray", num_workers=3), 1, "cluster.num_workers=3, but"),
        (TWO, 2, "has room for 1: it has 2 cores and 0 GPUs, a worker takes 2 cores"),
        (ClusterConfig(kind="ray"), 8, "cluster.num_workers=null, but"),
    ],
)
def test_more_workers_than_there_is_room_for_are_refused(
    config: RunConfig, cluster: ClusterConfig, threads: int, words: str
) -> None:
    _, spec = begin(config)
    engine = spec.engine.model_copy(update={"num_threads": threads})
    with RayWorkforce(cluster, Drain()) as workforce, pytest.raises(OrderError) as refused:
        workforce.start(replace(spec, engine=engine), 9)
    assert words in str(refused.value)


def test_no_more_workers_are_hired_than_there_are_shards_and_all_are_let_go(
    config: RunConfig,
) -> None:
    _, spec = begin(config)
    with RayWorkforce(TWO, Drain()) as workforce:
        workforce.start(spec, 1)
        assert workforce.crew is not None and len(workforce.crew.hired) == 1
    assert ray.is_initialized()
    wait_until(lambda: ray.available_resources().get("CPU") == 2)


def test_an_address_where_nobody_listens_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(OrderError, match=f"{address}: no Ray cluster that can be joined"):
            connect(address)


def test_a_worker_tells_how_far_it_is_while_it_is_at_work(texts: Path, tmp_path: Path) -> None:
    (texts / "long.txt").write_bytes(b"The river runs on. " * 2000)
    session, spec = begin(order_of(texts, tmp_path / "run"))
    heard: list[Progress] = []
    with RayWorkforce(ONE, Drain()) as workforce:
        workforce.start(spec, 1)
        workforce.work(session.plan.shards[-1:], lambda shard, receipt: None, heard.append)
    on_the_way = {progress.num_tokens for progress in heard} - {0}
    assert on_the_way and heard[-1] == Progress()


SAID = "(takes over the lock of .*|starting Ray|loading the engine|.* of 6 shards, .*)"
TAKEOVER = "output.path=run: takes over the lock of "
LINE = re.compile(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {SAID}")


@pytest.mark.slow
def test_a_driver_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """A Ray of its own, as users have it, and nothing of it shows on their terminal."""
    write_texts(tmp_path / "texts", num_files=6, num_sentences=400)
    words = ["score", "data.path=texts", "data.shard_bytes=1", "output.path=run"]
    words += ["engine.device=cpu", "cluster.kind=ray", "cluster.num_workers=2"]
    command = [str(CONSOLE_SCRIPT), *words]
    ledger = Ledger(RunFolder.open(str(tmp_path / "run")))
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as driver:
        wait_until(lambda: len(ledger.committed()) >= 2)
        driver.send_signal(signal.SIGKILL)
    done_before = ledger.committed()
    assert 2 <= len(done_before) < 6
    resumed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert all(LINE.fullmatch(x) or x.startswith(TAKEOVER) for x in resumed.stderr.splitlines()), (
        resumed.stderr
    )
    assert main(["verify", f"output.path={tmp_path / 'run'}"]) == 0
