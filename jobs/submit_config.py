"""What may be said about handing an order to a cluster, and about jobs that were handed in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
"""It is part of URLs, and of file names on the head."""


def _dashboard(address: str) -> str:
    url = urlsplit(address)
    if url.scheme in ("http", "https") and url.hostname:
        return address
    host = url.hostname if url.scheme == "ray" else address.rpartition(":")[0] or address
    example = f"http://{host if host not in ('', 'auto') else 'head'}:8265"
    raise ValueError(
        f"cluster.address={address} is not where jobs are handed in; "
        f"give the dashboard of the head, such as {example}"
    )


def _job_id(given: str) -> str:
    if not JOB_ID.fullmatch(given):
        raise PydanticCustomError("job_id", "up to 80 letters, digits, dots, dashes, underscores")
    return given


JobId = Annotated[str, AfterValidator(_job_id)]


class Dashboard(BaseModel):
    """Which cluster.

    address: of the head's dashboard, ``http://head:8265``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Annotated[str, AfterValidator(_dashboard)]


class SubmitConfig(BaseModel):
    """How an order is handed in.

    wheel:  ``auto`` sends this longriver along; with ``none`` it is installed on the cluster.
    id:     the job's name there; by default made of the run folder's.
    follow: its log is shown until it ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wheel: Literal["auto", "none"] = "auto"
    id: JobId | None = None
    follow: bool = True


class HandIn(BaseModel):
    """The part of ``longriver submit JOB …`` that stays on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: Dashboard
    submit: SubmitConfig = SubmitConfig()


class JobsConfig(BaseModel):
    """A question about all jobs of a cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: Dashboard


class JobQuestion(JobsConfig):
    """A question about a job.

    id: its name on the cluster.
    """

    id: JobId


@dataclass(frozen=True, slots=True)
class Submission:
    """An order that has been judged, on its way to a cluster.

    words: of the command line there.
    """

    hand_in: HandIn
    words: tuple[str, ...]
    output_path: str


QUESTIONS: Mapping[str, type[JobsConfig]] = {
    "submit status": JobQuestion,
    "submit logs": JobQuestion,
    "submit stop": JobQuestion,
    "submit list": JobsConfig,
}
"""What can be asked about jobs, by command."""
