"""A crew of forked processes: real deaths, without Ray and within milliseconds."""

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import NoReturn

from longriver.pipeline.crew import Beat, Done, Event, Left, Lost, Up, WorkerId
from longriver.pipeline.drain import Drained
from longriver.pipeline.lease import Lease
from longriver.pipeline.worker import WorkerShell
from tests.pipeline.faults.points import Points, Process

Word = tuple[str, object]
ASK_EVERY_S = 0.2


class WorkerDied(Exception):
    """The process is no more."""


@dataclass(frozen=True, slots=True)
class _Hired:
    pid: int
    line: Connection


class ForkCrew:
    """Workers that are forks of this process; a ``Crew``.

    Args:
        new_shell: makes a worker's shell, in the worker.
    """

    def __init__(self, new_shell: Callable[[], WorkerShell], points: Points) -> None:
        self.new_shell, self.points = new_shell, points
        self.hired: dict[WorkerId, _Hired] = {}
        self.num_hired = 0
        self.asked_s = 0.0

    def hire(self) -> WorkerId:
        self.points.passed()
        ours, theirs = Pipe()
        pid = os.fork()
        if pid == 0:
            ours.close()
            for other in self.hired.values():
                other.line.close()
            _serve(self.new_shell, theirs, self.points)
        theirs.close()
        self.num_hired += 1
        self.hired[self.num_hired] = _Hired(pid, ours)
        return self.num_hired

    def lease(self, worker: WorkerId, lease: Lease) -> None:
        self._tell(worker, ("lease", lease))

    def drop(self, worker: WorkerId, lease: Lease) -> None:
        self._tell(worker, ("drop", lease.name))

    def drain(self, worker: WorkerId) -> None:
        self._tell(worker, ("leave", None))

    def dismiss(self, worker: WorkerId) -> None:
        self.points.passed()
        gone = self.hired.pop(worker)
        gone.line.close()
        with suppress(ProcessLookupError):
            os.kill(gone.pid, signal.SIGKILL)
        os.waitpid(gone.pid, 0)

    def dismiss_all(self) -> None:
        for worker in list(self.hired):
            self.dismiss(worker)

    def events(self, timeout_s: float) -> list[Event]:
        lines = {hired.line: worker for worker, hired in self.hired.items()}
        if time.monotonic() > self.asked_s + ASK_EVERY_S:
            self.asked_s = time.monotonic()
            for line in lines:
                with suppress(OSError):
                    line.send(("pulse", None))
        return [self._hear(lines[line], line) for line in wait(list(lines), timeout_s)]

    def _tell(self, worker: WorkerId, word: Word) -> None:
        self.points.passed()
        with suppress(OSError):  # the line of a dead worker; it is heard of soon
            self.hired[worker].line.send(word)

    def _hear(self, worker: WorkerId, line: Connection) -> Event:
        try:
            what, found = line.recv()
        except (EOFError, OSError):
            return Lost(worker, WorkerDied("the process is gone"))
        if what == "pulse":
            return Beat(worker, found)
        self.points.passed()
        if what == "up":
            return Up(worker, found)
        if what == "lost":
            return Lost(worker, found, by_machine=isinstance(found, Drained))
        lease, receipt = found
        return Left(worker, lease) if receipt is None else Done(worker, lease, receipt)


def _serve(new_shell: Callable[[], WorkerShell], line: Connection, points: Points) -> NoReturn:
    """A worker's life: it ends with an error, or with its driver."""
    points.process = Process.WORKER
    try:
        shell = new_shell()
        leases: queue.Queue[Lease] = queue.Queue()
        _, slow_step_s = shell.load()
        threading.Thread(target=_listen, args=(shell, line, leases), daemon=True).start()
        _say(line, points, ("up", slow_step_s))
        while True:
            lease = leases.get()
            points.passed()
            _say(line, points, ("done", (lease, shell.run_shard(lease))))
    except BaseException as error:
        _say(line, points, ("lost", error))
    finally:
        os._exit(1)


def _say(line: Connection, points: Points, word: Word) -> None:
    points.passed()
    line.send(word)
    points.passed()


def _listen(shell: WorkerShell, line: Connection, leases: "queue.Queue[Lease]") -> None:
    while True:
        try:
            what, found = line.recv()
        except (EOFError, OSError):
            os._exit(1)
        match what:
            case "lease":
                leases.put(found)
            case "drop":
                shell.drop(found)
            case "leave":
                shell.leave()
            case _:
                with suppress(OSError):
                    line.send(("pulse", shell.pulse()))
