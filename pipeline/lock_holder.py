"""Who holds a run's lock, as its file says, and whether that process is known to live."""

import json
import os
import platform
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from uuid import uuid4

PROC = Path("/proc")


class Pulse(Enum):
    """What this process can tell of the holder by itself."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Holder:
    """The content of a lock file.

    token:   unlike any other holder's.
    machine: boot and process namespace, in which ``pid`` means something; "" where unknown.
    born:    when the process began, in the kernel's ticks; a pid may be another process by now.
    since:   when the lock was taken, ISO 8601 in UTC by the holder's clock; for people.
    beat:    rises while the holder lives.
    """

    token: str
    host: str
    machine: str
    pid: int
    born: str
    since: str
    beat: int = 0

    @classmethod
    def this_process(cls) -> "Holder":
        pid = os.getpid()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(uuid4().hex, platform.node(), _machine(), pid, _born(pid), since)

    def next_beat(self) -> "Holder":
        return replace(self, beat=self.beat + 1)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Holder":
        """Raises ValueError for a file that is torn."""
        try:
            return cls(**json.loads(data))
        except TypeError as error:
            raise ValueError(str(error)) from error

    @property
    def pulse(self) -> Pulse:
        if not self.machine or self.machine != _machine():
            return Pulse.UNKNOWN
        return Pulse.ALIVE if _born(self.pid) == self.born else Pulse.GONE

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}, since {self.since}"


def this_boot() -> tuple[str, str] | None:
    """The host's name, and the kernel's id of this life of it; None where it has none."""
    try:
        return platform.node(), (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _machine() -> str:
    boot = this_boot()
    try:
        return f"{boot[1]} {os.readlink(PROC / 'self/ns/pid')}" if boot else ""
    except OSError:
        return ""


def _born(pid: int) -> str:
    """Field 22 of the process's line; "" for one that is gone, or dead and not yet buried."""
    try:
        line = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    state, *fields = line.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
