"""What each command does.

Each brings in its floor when it is called: `--help` and a refused order do without the seconds
that torch and Arrow take, and questions about a folder without those of torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longriver.jobs.config import RunConfig
from longriver.jobs.folder_config import (
    CompareConfig,
    GcConfig,
    ReportConfig,
    RetryConfig,
    StatusConfig,
    VerifyConfig,
)
from longriver.jobs.inspect_config import InspectConfig
from longriver.jobs.submit_config import JobsConfig, Submission


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


def _report(config: ReportConfig) -> int:
    from longriver.jobs.report.command import report

    return report(config)


def _gc(config: GcConfig) -> int:
    from longriver.jobs.folder import gc

    return gc(config)


def _retry_dead(config: RetryConfig) -> int:
    from longriver.jobs.retry_dead import retry_dead

    return retry_dead(config)


def _compare(config: CompareConfig) -> int:
    from longriver.jobs.compare import compare

    return compare(config)


def _end_sweep(paths: Sequence[str]) -> None:
    from longriver.jobs.sweep import end_sweep

    end_sweep(paths)


def _inspect(config: InspectConfig) -> int:
    from longriver.jobs.inspect import inspect

    return inspect(config)


def _submit(submission: Submission) -> int:
    from longriver.jobs.submit import submit

    return submit(submission)


def _ask_cluster(question: str, config: JobsConfig) -> int:
    from longriver.jobs.submit import ask

    return ask(question, config)


def _lm_eval(words: Sequence[str]) -> int:
    from longriver.jobs.lm_eval_launch import launch

    return launch(words)


@dataclass(frozen=True, slots=True)
class Actions:
    """One function a command, each returning the exit code."""

    run: Callable[[RunConfig], int] = _run
    plan: Callable[[RunConfig], int] = _plan
    status: Callable[[StatusConfig], int] = _status
    verify: Callable[[VerifyConfig], int] = _verify
    report: Callable[[ReportConfig], int] = _report
    gc: Callable[[GcConfig], int] = _gc
    retry_dead: Callable[[RetryConfig], int] = _retry_dead
    compare: Callable[[CompareConfig], int] = _compare
    end_sweep: Callable[[Sequence[str]], None] = _end_sweep
    inspect: Callable[[InspectConfig], int] = _inspect
    submit: Callable[[Submission], int] = _submit
    ask_cluster: Callable[[str, JobsConfig], int] = _ask_cluster
    lm_eval: Callable[[Sequence[str]], int] = _lm_eval
