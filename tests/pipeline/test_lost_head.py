"""A head that goes during a run: one line within a minute, and the rest on another head."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from longriver.pipeline.ledger import Ledger
from longriver.pipeline.run_folder import RunFolder
from tests.orders import write_texts
from tests.pipeline.head import ENVIRONMENT, Head, running_head

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
IMPATIENT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "16"}


def started(head: Head, folder: Path, *more: str) -> subprocess.Popen[str]:
    words = ["score", "data.path=texts", "output.path=run", "output.snapshot_tokens=1024"]
    words += ["engine.device=cpu", "engine.num_threads=1", "cluster.num_workers=1"]
    return subprocess.Popen(
        [
            str(CONSOLE_SCRIPT),
            *words,
            *more,
            "cluster.kind=ray",
            f"cluster.address={head.gcs_address}",
        ],
        cwd=folder,
        env=os.environ | ENVIRONMENT | IMPATIENT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def wait_for_snapshots(folder: Path) -> None:
    give_up_s = time.monotonic() + 120
    while not list(folder.rglob("snapshots/**/*.json")):
        assert time.monotonic() < give_up_s, "the work never began"
        time.sleep(0.1)


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.slow
def test_a_run_whose_head_goes_says_so_and_is_completed_on_another(tmp_path: Path) -> None:
    write_texts(tmp_path / "texts", num_files=1, num_sentences=2500)
    slow = "engine.tokens_per_step=64"
    with running_head() as head, started(head, tmp_path, slow) as process:
        wait_for_snapshots(tmp_path)
        head.kill()
        gone_s = time.monotonic()
        _, said = process.communicate(timeout=90)
        assert process.returncode == 1
        assert time.monotonic() - gone_s < 60
        line = (
            f"longriver: error: the Ray cluster is gone: nobody has answered at {head.gcs_address}"
        )
        assert [text for text in said.splitlines() if text.startswith(line)], said
        assert "Traceback" not in said
    with running_head() as head, started(head, tmp_path) as process:
        _, said = process.communicate(timeout=180)
        assert process.returncode == 0, said
    assert len(Ledger(RunFolder.open(str(tmp_path / "run"))).committed()) == 1
