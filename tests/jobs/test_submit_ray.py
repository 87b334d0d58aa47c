"""Orders handed to a real head of Ray: done, stopped, gone on with, refused, dead; no secrets."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from longriver.jobs.submit import family
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.run_folder import RunFolder
from tests.orders import write_texts
from tests.pipeline.head import ENVIRONMENT, Head, descendants, running_head

pytestmark = [pytest.mark.ray, pytest.mark.slow]

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
CANARY = "canary-8264-in-a-coal-mine"


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with running_head({"OF_THE_CLUSTER": CANARY}) as head:
        yield head


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("data") / "texts", num_files=2)


def longriver(*words: str, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.Popen[str]:
    """Started as a visitor would, with an address in the environment that is not to be used."""
    return subprocess.Popen(
        [str(CONSOLE_SCRIPT), *words],
        env=os.environ | environment | {"RAY_ADDRESS": "http://127.0.0.1:1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(*words: str, environment: Mapping[str, str] = ENVIRONMENT) -> tuple[int, str, str]:
    with longriver(*words, environment=environment) as process:
        out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def order(head: Head, data: Path, run: Path, *words: str) -> list[str]:
    paths = [f"data.path={data}", f"output.path={run}", f"cluster.address={head.address}"]
    small = [
        "data.shard_bytes=1",
        "cluster.num_workers=1",
        "engine.device=cpu",
        "engine.num_threads=1",
    ]
    return ["submit", "score", *paths, *small, *words]


def wait_until(is_so: Callable[[], object], patience_s: float = 120) -> None:
    give_up_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < give_up_s, "waited in vain"
        time.sleep(0.2)


def drivers(head: Head) -> list[int]:
    """Processes of jobs' commands."""
    found = []
    for pid in descendants(head.process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(word.endswith(b"longriver") for word in words) and b"score" in words:
            found.append(pid)
    return found


def test_a_sent_longriver_does_the_order_and_no_secret_is_to_be_found(
    head: Head, texts: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    secret = "output.storage_options={token:${oc.env:OF_THE_CLUSTER}}"
    code, out, err = done(*order(head, texts, run, secret))
    assert code == 0, out + err
    assert f"handed in as job {family(str(run))}" in err
    assert "2 of 2 shards, done in" in out and f"Results: {run}" in out
    assert len(Ledger(RunFolder.open(str(run))).committed()) == 2
    places = [path for folder in (head.folder, tmp_path) for path in folder.rglob("*")]
    files = [path for path in places if path.is_file()]
    assert any("job-driver" in path.name for path in files)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    told = json.dumps(head.get("/api/jobs/"))
    assert "${oc.env:OF_THE_CLUSTER}" in told and CANARY not in told
    [job] = head.get("/api/jobs/")
    [wheel] = job["runtime_env"]["py_modules"]
    installed = list(head.folder.glob(f"*/runtime_resources/**/{Path(wheel).stem}*/longriver"))
    assert installed, "the workers did not get the longriver that was sent"


@pytest.mark.long
def test_a_job_is_stopped_in_order_and_the_same_order_goes_on(head: Head, tmp_path: Path) -> None:
    """It is followed, left alone, found at work, asked about, stopped and submitted again."""
    data = write_texts(tmp_path / "texts", num_files=1, num_sentences=1500)
    run, there = tmp_path / "run", f"cluster.address={head.address}"
    order_here = order(head, data, run, "output.snapshot_tokens=1024", "submit.wheel=none")
    order_here.append("submit.id=long")
    words = [*order_here, "engine.tokens_per_step=64"]
    with longriver(*words) as follower:
        wait_until(lambda: list(run.rglob("snapshots/**/*.json")))
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=30)
    assert follower.returncode == 130 and "loading the engine" in out
    assert f"job long goes on without us\nfollow it: longriver submit logs long {there}" in err
    code, _, err = done(*words, "submit.follow=false")
    assert code == 0 and f"job long is at work on {run} already" in err
    code, out, err = done("submit", "stop", "long", there)
    assert code == 0 and "job long has ended: STOPPED" in err
    code, out, _ = done("submit", "status", "long", there)
    assert code == 0 and "STOPPED" in out and "interrupted; the same command resumes" in out
    assert list(run.rglob("snapshots/**/*.json")) and not list(run.rglob("crumbs/**/*.json"))
    code, out, _ = done("submit", "logs", "long", there)
    assert code == 130 and "saving what is in hand" in out
    code, out, err = done(*order_here)
    assert code == 0 and "handed in as job long.2" in err, out + err
    assert len(Ledger(RunFolder.open(str(run))).committed()) == 1


def test_an_order_that_the_cluster_refuses_says_so_here(head: Head, tmp_path: Path) -> None:
    words = order(head, tmp_path / "nothing", tmp_path / "run", "submit.wheel=none")
    code, out, err = done(*words)
    assert code == 2, out + err
    assert f"longriver: error: data.path={tmp_path / 'nothing'}" in out
    assert "exit code 2, bad order" in err


@pytest.mark.long
def test_a_driver_that_is_killed_is_one_line(head: Head, tmp_path: Path) -> None:
    data = write_texts(tmp_path / "texts", num_files=1, num_sentences=50_000)
    words = order(head, data, tmp_path / "run", "submit.wheel=none", "submit.id=killed")
    with longriver(*words) as follower:
        wait_until(lambda: drivers(head))
        for pid in drivers(head):
            os.kill(pid, signal.SIGKILL)
        _, err = follower.communicate(timeout=60)
    assert follower.returncode == 1
    assert err.splitlines()[-1] == (
        "longriver: error: job killed died: its driver was ended by SIGKILL, out of memory?; what "
        "is committed stays, submit the same order again"
    )


@pytest.mark.parametrize(
    ("port", "environment", "words"),
    [
        ("port", ENVIRONMENT, "no job server of Ray answers there (ConnectionError: "),
        ("ray-client-server-port", ENVIRONMENT, "no job server of Ray answers there (ConnectionEr"),
        ("dashboard-port", ENVIRONMENT | {"RAY_AUTH_TOKEN": "b" * 48}, "wants another token than"),
    ],
)
def test_a_door_that_does_not_open_is_one_line(
    head: Head, port: str, environment: Mapping[str, str], words: str
) -> None:
    address = f"cluster.address=http://127.0.0.1:{head.ports[port]}"
    code, out, err = done("submit", "list", address, environment=environment)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert err.startswith(f"longriver: error: {address}: ") and words in err
