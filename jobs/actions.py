"""What each command does.

Each brings in its floor when it is called: `--help` and a refused order do without the seconds
that torch and Arrow take, and questions about a folder without those of torch.
"""

from collections.abc import Callable
from dataclasses import dataclass

from longriver.jobs.config import (
    GcConfig,
    InspectConfig,
    RetryConfig,
    RunConfig,
    StatusConfig,
    VerifyConfig,
)


def _run(config: RunConfig) -> int:
    from longriver.jobs.run import run_job

    return run_job(config)


def _plan(config: RunConfig) -> int:
    from longriver.jobs.plan import plan

    return plan(config)


def _status(config: StatusConfig) -> int:
    from longriver.jobs.folder import status

    return status(config)


def _verify(config: VerifyConfig) -> int:
    from longriver.jobs.folder import verify

    return verify(config)


def _gc(config: GcConfig) -> int:
    from longriver.jobs.folder import gc

    return gc(config)


def _retry_dead(config: RetryConfig) -> int:
    from longriver.jobs.retry_dead import retry_dead

    return retry_dead(config)


def _inspect(config: InspectConfig) -> int:
    from longriver.jobs.inspect import inspect

    return inspect(config)


@dataclass(frozen=True, slots=True)
class Actions:
    """One function a command, each returning the exit code."""

    run: Callable[[RunConfig], int] = _run
    plan: Callable[[RunConfig], int] = _plan
    status: Callable[[StatusConfig], int] = _status
    verify: Callable[[VerifyConfig], int] = _verify
    gc: Callable[[GcConfig], int] = _gc
    retry_dead: Callable[[RetryConfig], int] = _retry_dead
    inspect: Callable[[InspectConfig], int] = _inspect
