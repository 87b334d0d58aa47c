"""A job server without Ray: what it is asked is noted, what it answers is given to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from longriver.pipeline.submitted_job import JobStatus, NewJob, NoAnswer, SubmittedJob

RUNNING = SubmittedJob("a", JobStatus.RUNNING, "line")


def ended(status: JobStatus, exit_code: int | None = None, message: str = "") -> SubmittedJob:
    return replace(RUNNING, status=status, exit_code=exit_code, message=message)


SUCCEEDED = ended(JobStatus.SUCCEEDED, 0)


@dataclass
class FakeJobServer:
    """Keeps jobs; what is submitted succeeds at once.

    answers: of ``job``, one after the other, the last one for ever; by default what is kept.
    tails:   pieces that a job prints each time it is tailed; an error ends the line.
    """

    known: list[SubmittedJob] = field(default_factory=list)
    answers: list[SubmittedJob | NoAnswer | None] = field(default_factory=list)
    tails: list[list[str | NoAnswer]] = field(default_factory=list)
    whole: str | NoAnswer = ""
    taken: list[NewJob] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def submit(self, job: NewJob) -> None:
        assert job.wheel is None or job.wheel.exists()
        self.taken.append(job)
        self.known.append(SubmittedJob(job.id, JobStatus.SUCCEEDED, job.line, exit_code=0))

    def job(self, job_id: str) -> SubmittedJob | None:
        if not self.answers:
            return next((job for job in self.known if job.id == job_id), None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def jobs(self) -> list[SubmittedJob]:
        return self.known

    def stop(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def log(self, job_id: str) -> str:
        if isinstance(self.whole, NoAnswer):
            raise self.whole
        return self.whole

    def tail(self, job_id: str) -> Iterator[str]:
        for piece in self.tails.pop(0) if self.tails else []:
            if isinstance(piece, NoAnswer):
                raise piece
            yield piece
