"""A Ray that is started here listens to this machine only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from longriver.pipeline.loopback import ONE_MACHINE, keep_ray_to_this_machine

PROGRAM = """
from longriver.pipeline.loopback import keep_ray_to_this_machine

keep_ray_to_this_machine()

import ray

from longriver.pipeline.driver import connect

connect(None)
assert ray.nodes()[0]["NodeManagerAddress"] == "127.0.0.1", ray.nodes()
print("\\n".join(sorted(listeners())))
"""
LISTENERS = '''
import os
from pathlib import Path


def listeners():
    """Addresses, in the kernel's hex, on which this session's processes listen."""
    mine = set()
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            mine.add(os.readlink(path)) if os.getsid(int(path.parts[2])) == os.getsid(0) else None
        except OSError:
            continue
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in mine:
                yield fields[1].partition(":")[0]
'''
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_every_port_of_a_ray_that_is_started_here_is_bound_to_loopback() -> None:
    program = LISTENERS + PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    assert len(found) >= 5, "raylet, GCS and driver listen at least"
    assert set(found) <= LOOPBACK


def test_who_asked_otherwise_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ONE_MACHINE, "1")
    keep_ray_to_this_machine()
    assert os.environ[ONE_MACHINE] == "1"
