"""One command after another over one run folder, each in a process of its own."""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import torch

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.dispatcher import Limits
from longriver.pipeline.plan_file import read_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.verify import verify_deeply
from tests.pipeline.faults.points import Counters, Plan, Points
from tests.pipeline.faults.scene import NO_LIMITS, carry_out, order_of, results

DONE, STOPPED, SURPRISE, DIED = 0, 1, 70, 137
GIVE_UP_S = 120
MOST_COMMANDS = 40


class Violation(Exception):
    """A promise that was broken."""


@dataclass(frozen=True)
class Trial:
    """A corpus and a run folder of its own, since a frozen worker may outlive a trial and write."""

    corpus: Path
    run_path: Path
    num_workers: int = 1
    limits: Limits = NO_LIMITS

    def command(self, plans: Sequence[Plan] = (), counters: Counters | None = None) -> int:
        """Gives the command in a process of its own; returns its exit code."""
        found = counters or Counters()
        code = in_fork(lambda: self._carry_out(Points(str(self.run_path), found, plans)))
        if code not in (DONE, STOPPED, DIED):
            raise Violation(f"{plans} ended the command with {code}")
        return code

    def anew(self) -> "Trial":
        """The same with a folder that nobody knows of; the one before goes."""
        shutil.rmtree(self.run_path, ignore_errors=True)
        return replace(self, run_path=self.corpus.parent / f"run-{uuid4().hex}")

    def check(self, expected: object) -> None:
        """Raises Violation unless everything is there once, to the byte."""
        if results(self.run_path) != expected:
            raise Violation("the tables are not those of an undisturbed run")
        folder = RunFolder.open(str(self.run_path))
        with folder.fs.open(folder.plan_path, "rb") as file:
            planned = {shard.name: shard.num_rows for shard in read_plan(file).shards}
        if problems := verify_deeply(folder, planned).problems:
            raise Violation("; ".join(problems))

    def _carry_out(self, points: Points) -> int:
        points.watch_files()
        order = order_of(self.corpus, self.run_path)
        try:
            carry_out(order, points, self.num_workers, self.limits)
        except (RunFailed, OrderError, OSError) as error:
            print(error, file=sys.stderr)
            return STOPPED
        return DONE


def in_fork(act: Callable[[], int]) -> int:
    """Exit code of ``act`` in a process of its own; negative for a signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = SURPRISE
        try:
            signal.alarm(GIVE_UP_S)
            torch.set_num_threads(1)  # those that the parent had started are not here
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
    trial = trial.anew()
    if code := trial.command(counters=counters):
        raise Violation(f"the undisturbed run ended with {code}")
    return results(trial.run_path), counters


def endure(trial: Trial, story: Sequence[Sequence[Plan]], expected: object) -> int:
    """Gives the command with each chapter's faults, then without, until it is done; checks.

    Returns:
        How many commands it took.
    """
    trial = trial.anew()
    codes = [trial.command(plans) for plans in story]
    while len(codes) == len(story) or codes[-1] != DONE:
        codes.append(trial.command())
        if len(codes) > MOST_COMMANDS:
            raise Violation(f"{codes}: it never ends")
    trial.check(expected)
    trial.anew()
    return len(codes)
