"""Deaths and errors at numbered points: a sample of all that tests.pipeline.faults tries."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAME = "every run completed, every table the same bytes"


def faults(*words: str) -> str:
    """In a process of its own, which forks before it has threads."""
    command = [sys.executable, "-m", "tests.pipeline.faults", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_fault_at_any_point_leaves_a_run_that_the_same_command_completes() -> None:
    assert SAME in faults("points", "--every", "41")


@pytest.mark.slow
def test_many_faults_at_once_leave_a_run_that_the_same_command_completes() -> None:
    assert SAME in faults("soak", "--seconds", "8", "--seed", "7")
