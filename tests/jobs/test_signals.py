"""Ctrl-C once, twice, before there is anything to save; schedulers and closed terminals alike."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from longriver.jobs.signals import stopped_by_signals
from longriver.pipeline.drain import Drain
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.run_folder import RunFolder
from tests.orders import write_texts

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    outside = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    assert [signal.getsignal(number) for number in NUMBERS] == before
    signal.signal(signal.SIGHUP, outside)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # handlers run between two instructions


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_is_a_wish_and_the_second_an_end(number: signal.Signals) -> None:
    drain = Drain()
    with pytest.raises(KeyboardInterrupt), stopped_by_signals(drain), drain.armed():
        send(number)
        assert drain.is_asked
        send(number)


def test_a_drained_run_counts_as_interrupted() -> None:
    drain = Drain()
    with pytest.raises(KeyboardInterrupt), stopped_by_signals(drain), drain.armed():
        send(signal.SIGTERM)
        drain.check()


@pytest.mark.parametrize("number", NUMBERS)
def test_before_the_work_begins_one_signal_is_enough(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), stopped_by_signals(Drain()):
        send(number)


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        drain = Drain()
        with stopped_by_signals(drain), drain.armed():
            send(signal.SIGHUP)
        assert not drain.is_asked
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS[1:2])
def test_a_run_that_is_stopped_saves_its_long_document_and_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    write_texts(tmp_path / "texts", num_files=2, num_sentences=1200)
    words = ["score", "data.path=texts", "output.path=run", "data.shard_bytes=1"]
    words += ["output.snapshot_tokens=1024"]
    command = [str(CONSOLE_SCRIPT), *words, "engine.device=cpu", "engine.tokens_per_step=64"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        folder = RunFolder.open(str(tmp_path / "run"))
        wait_for(tmp_path / "run" / "snapshots")
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "saving what is in hand; another Ctrl-C stops at once" in said
    assert "interrupted; the same command resumes: longriver score data.path=texts" in said
    assert list((tmp_path / "run" / "snapshots").rglob("*.json"))
    assert not list((tmp_path / "run" / "crumbs").rglob("*.json"))
    resumed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert len(Ledger(folder).committed()) == 2


def wait_for(folder: Path) -> None:
    give_up_s = time.monotonic() + 60
    while not list(folder.rglob("*.json")):
        assert time.monotonic() < give_up_s, "the work never began"
        time.sleep(0.05)
