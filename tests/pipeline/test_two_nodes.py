"""What happens to nodes and workers of a cluster, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(
    "scenes", [("lose", "freeze"), pytest.param(("take-back", "grow"), marks=pytest.mark.long)]
)
def test_nodes_that_join_go_and_freeze_change_no_byte(scenes: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tests.pipeline.two_nodes", *scenes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("all runs gave the same bytes")
