"""A command that is killed in the middle of a long document goes on there when given again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.checkpoints import random_rwkv7, saved
from tests.orders import SENTENCE, file_hashes

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
PATIENCE_S = 120.0


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """An order for one long text, all but its run folder."""
    tiny = random_rwkv7(num_layers=1, num_heads=1, head_size=8, ranks=(4, 4, 4, 4))
    model = saved(tiny, tmp_path / "tiny.pth")
    text = tmp_path / "long.txt"
    text.write_text(SENTENCE * 8_000)
    keys = (f"data.path={text}", f"model.path={model}", "engine.num_threads=1")
    return [str(CONSOLE_SCRIPT), "score", *keys, "output.snapshot_tokens=16384"]


def complete(words: list[str], run: Path) -> None:
    done = subprocess.run([*words, f"output.path={run}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def kill(words: list[str], run: Path, num_snapshots: int) -> None:
    """Gives the command, and kills it as soon as so many new snapshots have been seen."""
    before, seen = set(run.glob("snapshots/*/*.json")), set[Path]()
    process = subprocess.Popen([*words, f"output.path={run}"], stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while len(seen) < num_snapshots:
        assert process.poll() is None and time.monotonic() < began + PATIENCE_S
        seen |= set(run.glob("snapshots/*/*.json")) - before
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_command_that_is_killed_twice_ends_in_the_same_bytes(
    words: list[str], tmp_path: Path
) -> None:
    complete(words, tmp_path / "whole")
    kill(words, tmp_path / "killed", 5)
    kill(words, tmp_path / "killed", 3)
    complete(words, tmp_path / "killed")
    assert file_hashes(tmp_path / "killed") == file_hashes(tmp_path / "whole")
    summaries = [
        json.loads((tmp_path / r / "summary.json").read_text()) for r in ("killed", "whole")
    ]
    assert summaries[0] == summaries[1]
    for run in ("killed", "whole"):
        assert not list((tmp_path / run).glob("snapshots/*/*"))
    verified = [str(CONSOLE_SCRIPT), "verify", f"output.path={tmp_path / 'killed'}"]
    assert subprocess.run(verified, capture_output=True).returncode == 0
