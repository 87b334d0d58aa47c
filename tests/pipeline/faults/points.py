"""Numbered fault points: every touch of the run folder, and every word between processes.

Python's audit events name each file that is opened, linked, renamed, removed or listed, so no part
of the house knows that it is watched; the files of results are written through ``Watched``.
"""

import errno
import mmap
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

EVENTS = frozenset(
    {
        "open",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.scandir",
        "os.truncate",
        "os.utime",
        "shutil.rmtree",
    }
)


class Process(StrEnum):
    """Whose points are counted; all workers count on."""

    DRIVER = "driver"
    WORKER = "worker"


class Fault(StrEnum):
    """What happens at a point.

    DIE:     the process ends, as by ``kill -9``.
    FLICKER: the call fails with an error that passes.
    REFUSE:  the call fails with one that does not.
    DELAY:   half a second passes.
    FREEZE:  the process stops, as on a machine that hangs, and wakes up two seconds later.
    """

    DIE = "die"
    FLICKER = "flicker"
    REFUSE = "refuse"
    DELAY = "delay"
    FREEZE = "freeze"


DELAY_S, FREEZE_S = 0.5, 2.0
ERRNOS = {Fault.FLICKER: errno.EIO, Fault.REFUSE: errno.ENOSPC}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which point of whom goes wrong, counted from 1, and how."""

    process: Process
    number: int
    fault: Fault


class Counters:
    """Numbers that processes share: memory that outlives a fork."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 8 * len(Process))

    def count(self, process: Process) -> int:
        return int.from_bytes(self.memory[self._slot(process)], sys.byteorder)

    def next(self, process: Process) -> int:
        number = self.count(process) + 1
        self.memory[self._slot(process)] = number.to_bytes(8, sys.byteorder)
        return number

    def _slot(self, process: Process) -> slice:
        place = 8 * list(Process).index(process)
        return slice(place, place + 8)


class Points:
    """Counts the points of this process, and lets the planned ones go wrong.

    Args:
        root: files below it count.
        process: what this process is; a fork sets it anew.
    """

    def __init__(self, root: str, counters: Counters, plans: Sequence[Plan]) -> None:
        self.root, self.counters, self.plans = root, counters, plans
        self.process = Process.DRIVER

    def watch_files(self) -> None:
        """From now on; an audit hook stays until the process ends."""
        sys.addaudithook(self._file)

    def _file(self, event: str, args: tuple[object, ...]) -> None:
        if event in EVENTS and args and isinstance(args[0], str) and args[0].startswith(self.root):
            self.passed(can_fail=True)

    def passed(self, *, can_fail: bool = False) -> None:
        """A point; words between processes are lost with a process, or not at all."""
        number = self.counters.next(self.process)
        for plan in self.plans:
            if (plan.process, plan.number) == (self.process, number):
                self._go_wrong(plan.fault, can_fail)

    def _go_wrong(self, fault: Fault, can_fail: bool) -> None:
        if fault is Fault.DIE:
            os._exit(137)
        if fault is Fault.DELAY:
            time.sleep(DELAY_S)
        elif fault is Fault.FREEZE:
            _freeze()
        elif can_fail:
            raise OSError(ERRNOS[fault], "a fault that was planned")


def _freeze() -> None:
    """Stops this process; a child that it leaves behind wakes it."""
    sleeper = os.getpid()
    if os.fork() == 0:
        time.sleep(FREEZE_S)
        with suppress(ProcessLookupError):
            os.kill(sleeper, signal.SIGCONT)
        os._exit(0)
    os.kill(sleeper, signal.SIGSTOP)
