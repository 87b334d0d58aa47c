"""Orders handed to a cluster's job server, and what became of them."""

import hashlib
import re
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from longriver.engine.errors import OrderError, RunFailed
from longriver.jobs.exit_code import EXIT_CODES, ExitCode
from longriver.jobs.submit_config import JobQuestion, JobsConfig, Submission
from longriver.pipeline.follow import Follower
from longriver.pipeline.jobs_display import print_job, print_jobs
from longriver.pipeline.one_line import printable_line
from longriver.pipeline.submission import RayJobServer
from longriver.pipeline.submitted_job import JobServer, JobStatus, NewJob, NoAnswer, SubmittedJob
from longriver.pipeline.wheel import pack

STOP_S = 90
"""So long a job that is stopped has to save what is in hand; Ray would kill it after 3 s."""

ENV_VARS = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_S)}

SENT = ("exec", "python3", "-P", "-m", "longriver.jobs.entry")
"""How a longriver that was sent along is called: no folder of its own is in PATH, nor is the one
that the job happens to start in a place to import from. ``exec`` lets no shell stand between a
signal and the driver."""

INSTALLED = ("exec", "longriver")

Connect = Callable[[str], JobServer]


def submit(submission: Submission, connect: Connect = RayJobServer) -> int:
    """Hands in the order, unless it is at work already, and follows it to its end.

    Raises:
        OrderError: the cluster does not take it.
        RunFailed: it died, or the cluster did.
    """
    hand_in = submission.hand_in
    address = hand_in.cluster.address
    try:
        server = connect(address)
        job = _at_work_or_new(server, submission)
    except NoAnswer as error:
        raise RunFailed(f"cluster.address={address}: {error}; try again") from error
    if hand_in.submit.follow:
        return _follow(server, job, address)
    _leave(job, address)
    return ExitCode.COMPLETE


def ask(question: str, config: JobsConfig, connect: Connect = RayJobServer) -> int:
    """Answers one of ``QUESTIONS``; only ``logs`` has the exit code of the job."""
    address = config.cluster.address
    try:
        server = connect(address)
        if not isinstance(config, JobQuestion):
            print_jobs(Console(), [job for job in server.jobs() if "longriver" in job.metadata])
            return ExitCode.COMPLETE
        job = _known(server, config.id, address)
        match question:
            case "submit logs":
                return _follow(server, job.id, address)
            case "submit stop":
                return _stop(server, job, address)
        print_job(Console(), job, server.log(job.id))
        return ExitCode.COMPLETE
    except NoAnswer as error:
        raise RunFailed(f"cluster.address={address}: {error}; try again") from error


def family(output_path: str) -> str:
    """What the jobs of a run folder are called: the same order finds its job again."""
    path = output_path.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9]+", "-", path.rpartition("/")[2])[:40].strip("-") or "run"
    return f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"


def _at_work_or_new(server: JobServer, submission: Submission) -> str:
    base = submission.hand_in.submit.id or family(submission.output_path)
    member = re.compile(rf"{re.escape(base)}(\.\d+)?")
    family_jobs = [job for job in server.jobs() if member.fullmatch(job.id)]
    line = _line(submission)
    for job in family_jobs:
        if not job.has_ended:
            _refuse_other_order(job, line, submission)
            _tell(f"job {job.id} is at work on {submission.output_path} already")
            return job.id
    job_id = _unused(base, family_jobs)
    with tempfile.TemporaryDirectory() as folder:
        is_sent = submission.hand_in.submit.wheel == "auto"
        wheel = pack(Path(folder)) if is_sent else None
        server.submit(NewJob(job_id, line, wheel, ENV_VARS, {"longriver": version("longriver")}))
    _tell(f"handed in as job {job_id}, with output.path={submission.output_path}")
    return job_id


def _line(submission: Submission) -> str:
    program = SENT if submission.hand_in.submit.wheel == "auto" else INSTALLED
    return shlex.join([*program, *submission.words])


def _unused(base: str, jobs: Sequence[SubmittedJob]) -> str:
    """Ray takes an id once."""
    taken = {job.id for job in jobs}
    numbered = (f"{base}.{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name not in taken)


def _refuse_other_order(job: SubmittedJob, line: str, submission: Submission) -> None:
    if job.line != line:
        raise OrderError(
            f"job {job.id} is at work already, by another order: {printable_line(job.line)}; stop "
            f"it first, with longriver submit stop {job.id} "
            f"cluster.address={submission.hand_in.cluster.address}"
        )


def _known(server: JobServer, job_id: str, address: str) -> SubmittedJob:
    job = server.job(job_id)
    if job is None:
        raise OrderError(
            f"id={job_id}: the cluster knows no such job; see longriver submit list "
            f"cluster.address={address}"
        )
    return job


def _follow(server: JobServer, job_id: str, address: str) -> int:
    follower = Follower(server, job_id, _pass_on)
    try:
        return _conclude(follower.follow())
    except KeyboardInterrupt:
        _leave(job_id, address)
        return ExitCode.INTERRUPTED


def _stop(server: JobServer, job: SubmittedJob, address: str) -> int:
    give_up_s = time.monotonic() + STOP_S + 30
    if not job.has_ended:
        server.stop(job.id)
        _tell(f"job {job.id} saves what is in hand, for up to {STOP_S} s")
    while not job.has_ended and time.monotonic() < give_up_s:
        time.sleep(1.0)
        job = _known(server, job.id, address)
    if not job.has_ended:
        raise RunFailed(f"job {job.id} was asked to stop, but is still at work; ask again")
    _tell(f"job {job.id} has ended: {job.status.value}")
    return ExitCode.COMPLETE


def _conclude(job: SubmittedJob) -> int:
    """The job's exit code; where it is not 0, one line says what it means."""
    if job.status is JobStatus.SUCCEEDED:
        return ExitCode.COMPLETE
    if job.status is JobStatus.STOPPED:
        _tell(f"job {job.id} was stopped; submit the same order again, and it goes on")
        return ExitCode.INTERRUPTED
    if job.exit_code in list(ExitCode):
        code = ExitCode(job.exit_code)
        _tell(f"job {job.id}: exit code {code}, {EXIT_CODES[code]}")
        return code
    raise RunFailed(
        f"job {job.id} died: {_cause(job)}; what is committed stays, submit the same order again"
    )


def _cause(job: SubmittedJob) -> str:
    if job.exit_code is None:
        lines = [line for line in job.message.splitlines() if line.strip()]
        return printable_line(lines[-1])[:500] if lines else "the cluster does not say why"
    # a shell says 128 + n for a signal that Python says -n for
    number = -job.exit_code if job.exit_code < 0 else job.exit_code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"its command ended with {job.exit_code}"
    return f"its driver was ended by {name}" + (", out of memory?" if name == "SIGKILL" else "")


def _leave(job_id: str, address: str) -> None:
    """Says how to come back to it."""
    where = shlex.quote(f"cluster.address={address}")
    _tell(
        f"job {job_id} goes on without us\n"
        f"follow it: longriver submit logs {job_id} {where}\n"
        f"stop it:   longriver submit stop {job_id} {where}"
    )


def _pass_on(piece: str) -> None:
    print(piece, end="", flush=True)


def _tell(words: str) -> None:
    print(f"longriver: {words}", file=sys.stderr)
