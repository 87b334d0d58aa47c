"""Follows a submitted job to its end, through whatever becomes of the line in between."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from longriver.engine.errors import RunFailed
from longriver.pipeline.submitted_job import JobServer, NoAnswer, SubmittedJob

logger = logging.getLogger(__name__)

PATIENCE_S = 180.0
"""A head may be away for so long."""

AGAIN_S = 1.0

Clock = Callable[[], float]
Sleep = Callable[[float], None]


class Follower:
    """Passes on what a job prints, every character once.

    Args:
        say:   takes what the job prints, piece by piece.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        server: JobServer,
        job_id: str,
        say: Callable[[str], None],
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.server, self.job_id, self.say = server, job_id, say
        self.clock, self.sleep = clock, sleep
        self.num_said = 0
        self.heard_s = clock()
        self.is_away = False

    def follow(self) -> SubmittedJob:
        """The job, once it has ended and all it printed has been said.

        Raises:
            RunFailed: the head stays away, or knows the job no more.
        """
        while True:
            try:
                # of a job that goes on, the end of a log may be that of the line
                job = self._job()
                self._pass_on(job)
                if job.has_ended:
                    return job
            except NoAnswer as error:
                self._bear(error)
            self.sleep(AGAIN_S)

    def _pass_on(self, job: SubmittedJob) -> None:
        try:
            for piece in unsaid(self._pieces(job), self.num_said):
                self.num_said += len(piece)
                self._heard()
                self.say(piece)
        except NoAnswer:
            # the machine that has the log may be gone with the job
            if not job.has_ended:
                raise

    def _pieces(self, job: SubmittedJob) -> Iterable[str]:
        if job.has_ended:
            return [self.server.log(job.id)]
        return self.server.tail(job.id)

    def _job(self) -> SubmittedJob:
        job = self.server.job(self.job_id)
        if job is None:
            raise RunFailed(
                f"the cluster knows no job {self.job_id} any more: its head was started anew; "
                "what is committed stays, submit the same order again"
            )
        self._heard()
        return job

    def _heard(self) -> None:
        self.heard_s, self.is_away = self.clock(), False

    def _bear(self, error: NoAnswer) -> None:
        if self.clock() - self.heard_s > PATIENCE_S:
            raise RunFailed(
                f"the cluster has not answered for {PATIENCE_S:g} s ({error}); job {self.job_id} "
                "may go on without us"
            ) from error
        if not self.is_away:
            logger.warning("the cluster does not answer (%s); asking again", error)
        self.is_away = True


def unsaid(pieces: Iterable[str], num_said: int) -> Iterator[str]:
    """A text from its beginning, in pieces, without the characters that were said before."""
    for piece in pieces:
        fresh = piece[num_said:]
        num_said = max(num_said - len(piece), 0)
        if fresh:
            yield fresh
