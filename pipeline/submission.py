"""Ray's job server over HTTP: one of the two modules that know Ray."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import requires
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import requests
from packaging.requirements import Requirement
from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient

from longriver.engine.errors import OrderError
from longriver.pipeline.one_line import one_line
from longriver.pipeline.submitted_job import JobStatus, NewJob, NoAnswer, SubmittedJob

KNOCK_S = 10.0
"""So long the server's port has to open."""

ANSWER_S = 60.0
"""So long an answer may take, an upload's included."""

SILENCE_S = 60.0
"""A run says something every ten seconds; after so long the line may be dead."""

OVERRIDES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Ray lets these go before any address that it is given."""

CHATTERBOXES = ("ray.dashboard.modules.job.sdk", "ray.dashboard.modules.dashboard_sdk")
"""They tell of every upload and every line that is closed."""

Result = TypeVar("Result")


class _Client(JobSubmissionClient):
    """Ray's, which would wait for ever for a head that has been switched off."""

    def _do_request(self, method: str, endpoint: str, **given: Any) -> requests.Response:
        answer: requests.Response = super()._do_request(
            method, endpoint, timeout=(KNOCK_S, ANSWER_S), **given
        )
        return answer


class RayJobServer:
    """The job server of a cluster's dashboard.

    Raises:
        OrderError: nobody is there, somebody else is, or with a Ray that is too old.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        for name in CHATTERBOXES:
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            _knock(address)
            with _without_overrides():
                self.client = _Client(address)
            there = str(self._answer("GET", "/api/version").json()["ray_version"])
        except AuthenticationError as error:
            raise OrderError(
                f"cluster.address={address}: the cluster wants another token than this machine "
                "has; put the cluster's into RAY_AUTH_TOKEN here, with RAY_AUTH_MODE=token"
            ) from error
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise OrderError(
                f"cluster.address={address}: no job server of Ray answers there "
                f"({type(error).__name__}: {one_line(error)}); give the address of the dashboard, "
                "such as http://head:8265, of a head that runs with ray[default]"
            ) from error
        _refuse_other_ray(address, there)

    def submit(self, job: NewJob) -> None:
        runtime_env: dict[str, object] = {"env_vars": dict(job.env_vars)}
        if job.wheel is not None:
            runtime_env["py_modules"] = [str(job.wheel)]
        try:
            self._ask(
                lambda: self.client.submit_job(
                    entrypoint=job.line,
                    submission_id=job.id,
                    runtime_env=runtime_env,
                    metadata=dict(job.metadata),
                )
            )
        except RuntimeError as error:
            raise OrderError(
                f"cluster.address={self.address}: the job was not taken: {_last_line(error)}; "
                "try again"
            ) from error

    def job(self, job_id: str) -> SubmittedJob | None:
        answer = self._ask(lambda: self._answer("GET", f"/api/jobs/{job_id}"))
        return None if answer.status_code == 404 else _job(_content(answer))

    def jobs(self) -> list[SubmittedJob]:
        answer = self._ask(lambda: self._answer("GET", "/api/jobs/"))
        jobs = [_job(found) for found in _content(answer) if found["submission_id"]]
        return sorted(jobs, key=lambda job: job.began_s or 0.0)

    def stop(self, job_id: str) -> None:
        _content(self._ask(lambda: self._answer("POST", f"/api/jobs/{job_id}/stop")))

    def log(self, job_id: str) -> str:
        return str(
            _content(self._ask(lambda: self._answer("GET", f"/api/jobs/{job_id}/logs")))["logs"]
        )

    def tail(self, job_id: str) -> Iterator[str]:
        pieces = self.client.tail_job_logs(job_id)
        with asyncio.Runner() as runner:
            try:
                while (piece := self._ask(partial(runner.run, _next(pieces)))) is not None:
                    yield piece
            finally:
                runner.run(pieces.aclose())

    def _answer(self, method: str, endpoint: str) -> requests.Response:
        answer: requests.Response = self.client._do_request(method, endpoint)
        return answer

    def _ask(self, question: Callable[[], Result]) -> Result:
        """The answer; where there is none, NoAnswer."""
        try:
            return question()
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(f"{type(error).__name__}: {one_line(error)}") from error


async def _next(pieces: Any) -> str | None:
    try:
        piece: str | None = await asyncio.wait_for(anext(pieces, None), SILENCE_S)
    except RuntimeError as error:  # what Ray says of a line that is cut
        raise ConnectionError(str(error)) from error
    return piece


def _content(answer: requests.Response) -> Any:
    """What a head says that is well; one that comes up or goes down says 500."""
    if answer.status_code != 200:
        raise NoAnswer(f"status {answer.status_code}: {answer.text.strip()[-200:]}")
    return answer.json()


def _job(found: Any) -> SubmittedJob:
    return SubmittedJob(
        id=found["submission_id"],
        status=JobStatus(found["status"]),
        line=found["entrypoint"],
        message=found["message"] or "",
        exit_code=found.get("driver_exit_code"),
        began_s=_seconds(found["start_time"]),
        ended_s=_seconds(found["end_time"]),
        metadata=found["metadata"] or {},
    )


def _seconds(milliseconds: int | None) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _knock(address: str) -> None:
    """Raises OSError where nobody listens."""
    url = urlsplit(address)
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    socket.create_connection((url.hostname or "", port), KNOCK_S).close()


@contextmanager
def _without_overrides() -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in OVERRIDES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _refuse_other_ray(address: str, there: str) -> None:
    """The job's own driver is of the cluster's Ray; it has to be one that longriver runs on."""
    needed = [Requirement(line) for line in requires("longriver") or ()]
    wanted = next((need.specifier for need in needed if need.name == "ray"), None)
    if wanted is not None and not wanted.contains(there, prereleases=True):
        raise OrderError(
            f"cluster.address={address}: the cluster runs Ray {there}, longriver needs "
            f"ray{wanted}; start the cluster with such a release"
        )


def _last_line(error: Exception) -> str:
    """What a traceback that the server sends along comes to."""
    lines = [line for line in str(error).splitlines() if line.strip(" .'\"")]
    return lines[-1].strip() if lines else type(error).__name__
