"""A job of Ray's job server as its visitors see it, and what can be asked of the server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol


class JobStatus(Enum):
    """Where a job is on its way; the names are Ray's."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


ENDS = frozenset({JobStatus.STOPPED, JobStatus.SUCCEEDED, JobStatus.FAILED})


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """What the job server knows of a job.

    line:      the shell command that it runs.
    message:   Ray's words on the status.
    exit_code: of the command; None as long as it has none, or where it was stopped or lost.
    began_s, ended_s: Unix seconds.
    """

    id: str
    status: JobStatus
    line: str
    message: str = ""
    exit_code: int | None = None
    began_s: float | None = None
    ended_s: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDS


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is handed to the job server.

    wheel:    installed for the job and its workers; None: longriver is there.
    env_vars: seen by whoever can open the dashboard.
    """

    id: str
    line: str
    wheel: Path | None
    env_vars: Mapping[str, str]
    metadata: Mapping[str, str]


class NoAnswer(Exception):
    """The job server could not be reached, or broke off; it may be back in a moment."""


class JobServer(Protocol):
    """Ray's job server; whatever is asked may end in ``NoAnswer``."""

    def submit(self, job: NewJob) -> None:
        """Starts a job; raises OrderError where the server does not take it."""
        ...

    def job(self, job_id: str) -> SubmittedJob | None:
        """What is known of a job; None: nothing."""
        ...

    def jobs(self) -> list[SubmittedJob]:
        """All jobs that were submitted, oldest first."""
        ...

    def stop(self, job_id: str) -> None:
        """Asks a job to end in order."""
        ...

    def log(self, job_id: str) -> str:
        """All that a job has printed."""
        ...

    def tail(self, job_id: str) -> Iterator[str]:
        """What a job prints, from its first word on, until it has ended or the line is cut."""
        ...
