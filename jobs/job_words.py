"""Which jobs a command line asks for, in Hydra's words."""

import difflib
from collections.abc import Sequence

from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.complaint import ConfigError
from longriver.jobs.config import ORDERS
from longriver.jobs.request import Request

COMBINED = "run"
"""The command that does several jobs in one pass."""

TOGETHER = tuple(name for name in CombinedConfig.model_fields if name != "kind")


def job_words(request: Request) -> tuple[list[str], Sequence[str]]:
    """The overrides that choose jobs, and all the others.

    Raises:
        ConfigError: jobs that cannot be done together, or none.
    """
    if request.command == COMBINED:
        return _together(request.overrides)
    return [f"job={request.command}"] if request.command in ORDERS else [], request.overrides


def _together(words: Sequence[str]) -> tuple[list[str], list[str]]:
    named = [word for word in words if word.startswith("job=")]
    if len(named) != 1:
        given = "is given twice" if named else "is missing"
        raise ConfigError(f"job=[…] {given}; name jobs once, as in job=[score,embed]")
    jobs = [job.strip() for job in named[0].removeprefix("job=").strip("[]").split(",")]
    for job in jobs:
        _require_known(job, named[0])
    if len(set(jobs)) < len(jobs):
        raise ConfigError(f"{named[0]} names a job twice")
    others = [word for word in words if word not in named]
    _require_named(others, jobs)
    return [f"+job@job.{job}={job}" for job in jobs], others


def _require_known(job: str, word: str) -> None:
    if not job:
        raise ConfigError(f"{word} names no job; give some of {', '.join(TOGETHER)}")
    if job not in TOGETHER:
        close = difflib.get_close_matches(job, TOGETHER, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(TOGETHER)}"
        raise ConfigError(f"{word}: {job} is no job that can be done along; {hint}")


def _require_named(words: Sequence[str], jobs: Sequence[str]) -> None:
    for word in words:
        first, _, rest = word.lstrip("+~").partition("=")[0].partition(".")
        job = rest.partition(".")[0]
        if first == "job" and job in TOGETHER and job not in jobs:
            raise ConfigError(f"{word} has no effect: {job} is not among job=[{','.join(jobs)}]")
