"""Memory does not grow with the length of a document, measured on the whole process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.checkpoints import random_rwkv7

MIB = 1 << 20
SHORT, LONG = MIB, 12 * MIB
MOST_GROWTH = 48 * MIB
"""Far above noise; held as ids and offsets, LONG would take 144 MiB more."""

PROGRAM = """
import resource, sys
from longriver.jobs.cli import main
code = main(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.exit(code)
"""


def peak_bytes(folder: Path, size: int) -> int:
    """Peak resident memory of a process that scores one text of ``size`` bytes."""
    sentence = b"The river goes on and on, and what it remembers of the way fits in one boat.\n"
    text = folder / f"{size}.txt"
    text.write_bytes((sentence * (size // len(sentence) + 1))[:size])
    order = [
        f"model.path={folder / 'tiny.pth'}",
        f"data.path={text}",
        f"output.path={folder / f'run-{size}'}",
        "engine.tokens_per_step=65536",
        "engine.num_slots=1",
        "engine.num_threads=1",
    ]
    command = [sys.executable, "-c", PROGRAM, "score", *order]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split("peak ")[1])


@pytest.mark.slow
def test_a_document_twelve_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    tiny = random_rwkv7(num_layers=1, num_heads=1, head_size=8, ranks=(4, 4, 4, 4))
    torch.save(tiny, tmp_path / "tiny.pth")
    assert peak_bytes(tmp_path, LONG) - peak_bytes(tmp_path, SHORT) < MOST_GROWTH
