"""What has been freed is there for the next step, without a page that the system has to clear."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from longriver.engine.allocator import keep_freed_memory

def step():
    torch.stack([torch.ones(1 << 20) for _ in range(3)])

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory()
step()
before = faults()
for _ in range(40):
    step()
print(faults() - before)
"""
PAGES_OF_A_STEP = 6 * (4 << 20) // 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's own")
def test_steps_after_the_first_ask_for_hardly_a_page() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < PAGES_OF_A_STEP
