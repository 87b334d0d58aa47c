"""A Ray head of its own on this machine, with a dashboard, beside whatever other Ray there is."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

PORTS = (
    "port",
    "dashboard-port",
    "node-manager-port",
    "object-manager-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
    "ray-client-server-port",
)
TOKEN = "d2e0f61ab34c" * 4
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": TOKEN,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all of it at 127.0.0.1
}
"""Of the head and of its visitors, whatever this machine's own settings are."""

START = ("start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats")
ADDRESSES = ("--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1")
OTHERS = ("--include-dashboard=true", "--object-store-memory=104857600")
ANY_PORTS = ("--min-worker-port=0", "--max-worker-port=0")
BIN = Path(sys.executable).parent


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as sockets:
        taken = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


def descendants(pid: int) -> list[int]:
    """Children, their children and so on; workers of Ray have process groups of their own."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found = parents.get(pid, [])
    for child in found:  # grows as it is walked
        found.extend(parents.get(child, []))
    return found


class Head:
    """Gone when its processes are killed; ``ray stop`` would end every Ray of this machine.

    address:     of its job server.
    gcs_address: what drivers join.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        # Unix sockets below it may have 107 characters in all
        self.folder = Path(tempfile.mkdtemp(prefix="lr", dir="/tmp"))
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = os.environ | ENVIRONMENT | (environment or {})
        # as where it is activated: jobs find `python3`, `pip` and `longriver` by PATH
        self.environment["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self.address = f"http://127.0.0.1:{self.ports['dashboard-port']}"
        self.gcs_address = f"127.0.0.1:{self.ports['port']}"

    def start(self) -> None:
        ports = [f"--{name}={port}" for name, port in self.ports.items()]
        words = [*START, *ADDRESSES, *OTHERS, *ANY_PORTS, *ports, f"--temp-dir={self.folder}"]
        self.log = (self.folder / "start.log").open("a")
        self.process = subprocess.Popen(
            [BIN / "ray", *words],
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._await()

    def kill(self) -> None:
        """As where the machine is switched off."""
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def _await(self) -> None:
        give_up_s = time.monotonic() + 90
        while not self._is_up():
            assert self.process.poll() is None, (self.folder / "start.log").read_text()
            assert time.monotonic() < give_up_s, "the head did not come up"
            time.sleep(0.2)

    def get(self, endpoint: str) -> Any:
        """What the job server answers."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with urlopen(Request(f"{self.address}{endpoint}", headers=headers), timeout=5) as answer:
            return json.load(answer)

    def _is_up(self) -> bool:
        try:
            return self.get("/api/jobs/") == []
        except OSError:
            return False


@contextmanager
def running_head(environment: dict[str, str] | None = None) -> Iterator[Head]:
    """A head that is there for as long as it is needed."""
    head = Head(environment)
    head.start()
    try:
        yield head
    finally:
        if head.process.poll() is None:
            head.kill()
        shutil.rmtree(head.folder, ignore_errors=True)
