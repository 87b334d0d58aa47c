"""One command after another over one run folder, each in a process of its own."""

import os
import shutil
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.plan_file import read_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.verify import verify
from tests.pipeline.faults.points import Counters, Plan, Points
from tests.pipeline.faults.scene import carry_out, order_of, results

DIED, STOPPED, SURPRISE = 137, 1, 70
GIVE_UP_S = 60


class Violation(Exception):
    """A promise that was broken."""


@dataclass(frozen=True)
class Trial:
    """A corpus, and what an undisturbed run makes of it."""

    corpus: Path
    run_path: Path
    num_workers: int = 1

    def command(self, counters: Counters, plan: Plan | None) -> int:
        """Runs the command in a fork; returns its exit code."""
        return in_fork(lambda: self._carry_out(counters, plan))

    def _carry_out(self, counters: Counters, plan: Plan | None) -> int:
        points = Points(str(self.run_path), counters, plan)
        points.watch_files()
        try:
            carry_out(order_of(self.corpus, self.run_path), points, self.num_workers)
        except (RunFailed, OrderError):
            return STOPPED
        return 0

    def clear(self) -> None:
        shutil.rmtree(self.run_path, ignore_errors=True)

    def check(self, expected: object) -> None:
        """Raises Violation unless everything is there once, to the byte."""
        if results(self.run_path) != expected:
            raise Violation("the tables are not those of an undisturbed run")
        folder = RunFolder.open(str(self.run_path))
        with folder.fs.open(folder.plan_path, "rb") as file:
            planned = {shard.name: shard.num_rows for shard in read_plan(file).shards}
        if problems := verify(folder, planned).problems:
            raise Violation("; ".join(problems))


def in_fork(act: Callable[[], int]) -> int:
    """Exit code of ``act`` in a process of its own; one that does not end is a violation."""
    pid = os.fork()
    if pid == 0:
        code = SURPRISE
        try:
            signal.alarm(GIVE_UP_S)
            code = act()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def undisturbed(trial: Trial) -> tuple[object, Counters]:
    """What a run gives, and how many points it has."""
    counters = Counters()
    if code := trial.command(counters, None):
        raise Violation(f"the undisturbed run ended with {code}")
    return results(trial.run_path), counters


def endure(trial: Trial, plan: Plan, expected: object) -> Sequence[int]:
    """Lets one point go wrong, gives the same command again until it is done, and checks.

    Returns:
        The exit codes.
    """
    trial.clear()
    codes = [trial.command(Counters(), plan)]
    if codes[0] not in (0, DIED, STOPPED):
        raise Violation(f"{plan} ended the command with {codes[0]}")
    codes.append(trial.command(Counters(), None))
    if codes[1] != 0:
        raise Violation(f"behind {plan} the same command ended with {codes[1]}")
    trial.check(expected)
    return codes
