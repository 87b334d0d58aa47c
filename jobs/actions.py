"""What each command does.

Each brings in its floor when it is called: `--help` and a refused order do without the seconds
that torch and Arrow take, and questions about a folder without those of torch.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from longriver.jobs.config import FolderConfig, RunConfig


def _let_idle_threads_sleep() -> None:
    """Has OpenMP's threads sleep where they wait for each other, unless the user chose otherwise.

    Spinning threads starve each other on a machine with other work: two threads on two busy cores
    read 700 tokens/s, and 18,000 when they sleep. OpenMP looks at this once, as torch comes in.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _run(config: RunConfig) -> int:
    _let_idle_threads_sleep()
    from longriver.jobs.run import run_job

    return run_job(config)


def _plan(config: RunConfig) -> int:
    _let_idle_threads_sleep()
    from longriver.jobs.plan import plan

    return plan(config)


def _status(config: FolderConfig) -> int:
    from longriver.jobs.folder import status

    return status(config)


def _verify(config: FolderConfig) -> int:
    from longriver.jobs.folder import verify

    return verify(config)


@dataclass(frozen=True, slots=True)
class Actions:
    """One function a command, each returning the exit code."""

    run: Callable[[RunConfig], int] = _run
    plan: Callable[[RunConfig], int] = _plan
    status: Callable[[FolderConfig], int] = _status
    verify: Callable[[FolderConfig], int] = _verify
