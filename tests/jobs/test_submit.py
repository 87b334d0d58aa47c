"""Orders at a cluster's door: one job a run folder, its exit code, one line where it died."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from longriver.engine.errors import OrderError, RunFailed
from longriver.jobs.submit import ask, family, submit
from longriver.jobs.submit_config import (
    Dashboard,
    HandIn,
    JobQuestion,
    JobsConfig,
    Submission,
    SubmitConfig,
)
from longriver.pipeline.submitted_job import JobStatus, NewJob, NoAnswer, SubmittedJob
from tests.job_server import RUNNING, FakeJobServer, ended

ADDRESS = "http://head:8265"
CLUSTER = Dashboard(address=ADDRESS)
OURS = {"longriver": "0.1.0"}


def order(words: tuple[str, ...] = ("score",), **given: object) -> Submission:
    submit = SubmitConfig.model_validate({"wheel": "none", **given})
    return Submission(HandIn(cluster=CLUSTER, submit=submit), words, "/runs/books")


def question(job_id: str = "a") -> JobQuestion:
    return JobQuestion(cluster=CLUSTER, id=job_id)


def connect_to(server: FakeJobServer) -> Callable[[str], FakeJobServer]:
    def connect(address: str) -> FakeJobServer:
        assert address == ADDRESS
        return server

    return connect


def test_a_job_is_called_after_its_run_folder() -> None:
    assert re.fullmatch(r"books-[0-9a-f]{6}", family("/runs/books"))
    assert family("/runs/books/") == family("/runs/books") != family("/other/books")
    assert re.fullmatch(r"it-s-x-[0-9a-f]{6}", family("s3://bucket/it's $x"))
    assert family("/").startswith("run-")


def test_an_order_becomes_a_command_that_a_shell_reads_back() -> None:
    server = FakeJobServer()
    words = ("score", "data.path=/it's mine", "output.storage_options={key:${oc.env:KEY}}")
    assert submit(order(words), connect_to(server)) == 0
    [job] = server.taken
    assert job.line == (
        "exec longriver score 'data.path=/it'\"'\"'s mine' "
        "'output.storage_options={key:${oc.env:KEY}}'"
    )
    assert job.wheel is None
    assert job.env_vars == {"RAY_JOB_STOP_WAIT_TIME_S": "90"}


def test_this_longriver_travels_along_unless_it_is_there() -> None:
    server = FakeJobServer()
    submit(order(wheel="auto"), connect_to(server))
    [job] = server.taken
    assert job.wheel is not None and job.wheel.suffix == ".whl" and not job.wheel.exists()
    assert job.line == "exec python3 -P -m longriver.jobs.entry score"


def test_the_same_order_again_is_another_job_of_the_same_family() -> None:
    server = FakeJobServer()
    for _ in range(3):
        assert submit(order(), connect_to(server)) == 0
    base = family("/runs/books")
    assert [job.id for job in server.taken] == [base, f"{base}.2", f"{base}.3"]


def test_a_job_that_is_at_work_is_followed_and_not_submitted_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at_work = replace(RUNNING, id="mine.2", line="exec longriver score")
    server = FakeJobServer([ended(JobStatus.STOPPED), at_work])
    server.answers = [at_work, replace(at_work, status=JobStatus.SUCCEEDED)]
    assert submit(order(id="mine"), connect_to(server)) == 0
    assert not server.taken
    assert "job mine.2 is at work on /runs/books already" in capsys.readouterr().err


def test_another_order_for_a_folder_at_work_is_refused() -> None:
    server = FakeJobServer([replace(RUNNING, id="mine", line="exec longriver embed")])
    with pytest.raises(OrderError, match="by another order: exec longriver embed; stop it first"):
        submit(order(id="mine"), connect_to(server))


def test_who_does_not_follow_is_told_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(order(id="mine", follow=False), connect_to(FakeJobServer())) == 0
    said = capsys.readouterr().err
    assert "job mine goes on without us\nfollow it: longriver submit logs mine cluster" in said
    assert "stop it:   longriver submit stop mine cluster.address=http://head:8265\n" in said


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (ended(JobStatus.SUCCEEDED, 0), 0, ""),
        (ended(JobStatus.FAILED, 1), 1, "job a: exit code 1, failed"),
        (ended(JobStatus.FAILED, 2), 2, "job a: exit code 2, bad order"),
        (ended(JobStatus.FAILED, 3), 3, "job a: exit code 3, complete, but some documents"),
        (ended(JobStatus.FAILED, 130), 130, "job a: exit code 130, interrupted"),
        (ended(JobStatus.STOPPED), 130, "job a was stopped; submit the same order again"),
    ],
)
def test_the_exit_code_is_that_of_the_job(
    capsys: pytest.CaptureFixture[str], end: SubmittedJob, code: int, words: str
) -> None:
    server = FakeJobServer([end], whole="its log\n")
    assert ask("submit logs", question(), connect_to(server)) == code
    out, err = capsys.readouterr()
    assert out == "its log\n" and words in err and err.count("\n") == bool(words)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ended(JobStatus.FAILED, -9), "died: its driver was ended by SIGKILL, out of memory?;"),
        (ended(JobStatus.FAILED, 139), "died: its driver was ended by SIGSEGV;"),
        (ended(JobStatus.FAILED, 127), "died: its command ended with 127;"),
        (ended(JobStatus.FAILED, None, "first\nthe node died\n\n"), "died: the node died;"),
        (ended(JobStatus.FAILED), "died: the cluster does not say why;"),
    ],
)
def test_a_job_that_died_is_one_line(end: SubmittedJob, words: str) -> None:
    with pytest.raises(RunFailed) as died:
        ask("submit logs", question(), connect_to(FakeJobServer([end])))
    assert words in str(died.value)
    assert str(died.value).endswith("what is committed stays, submit the same order again")


def test_a_job_that_is_not_there_is_refused() -> None:
    for name in ("status", "logs", "stop"):
        with pytest.raises(OrderError, match="id=a: the cluster knows no such job; see longriver"):
            ask(f"submit {name}", question(), connect_to(FakeJobServer()))


def test_stopping_waits_until_the_job_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    server = FakeJobServer(answers=[RUNNING, RUNNING, ended(JobStatus.STOPPED)])
    assert ask("submit stop", question(), connect_to(server)) == 0
    assert server.stopped == ["a"]
    assert "job a has ended: STOPPED" in capsys.readouterr().err


def test_a_head_that_forgets_the_job_meanwhile_is_one_line() -> None:
    server = FakeJobServer(answers=[RUNNING, None])
    with pytest.raises(OrderError, match=f"submit list cluster.address={ADDRESS}$"):
        ask("submit stop", question(), connect_to(server))


def test_what_has_ended_need_not_be_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    server = FakeJobServer([ended(JobStatus.FAILED, 3)])
    assert ask("submit stop", question(), connect_to(server)) == 0
    assert not server.stopped and "has ended: FAILED" in capsys.readouterr().err


def test_status_and_list_show_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    job = SubmittedJob(
        "books-1a2b3c",
        JobStatus.FAILED,
        "exec longriver score",
        "Ray's words",
        3,
        1_700_000_000.0,
        1_700_000_061.0,
        OURS,
    )
    server = FakeJobServer([job, replace(RUNNING, id="not-ours")], whole="one\ntwo \x1b[31m\n\n")
    assert ask("submit status", question(job.id), connect_to(server)) == 0
    shown = capsys.readouterr().out
    for part in (job.id, "FAILED", "3", "exec longriver score", "Ray's words", "two \ufffd[31m"):
        assert part in shown
    assert ask("submit list", JobsConfig(cluster=CLUSTER), connect_to(server)) == 0
    shown = capsys.readouterr().out
    assert job.id in shown and "1 min 01 s" in shown and "not-ours" not in shown
    ask("submit list", JobsConfig(cluster=CLUSTER), connect_to(FakeJobServer()))
    assert capsys.readouterr().out == "no job of longriver\n"


def test_a_cluster_that_breaks_off_is_one_line() -> None:
    class Broken(FakeJobServer):
        def jobs(self) -> list[SubmittedJob]:
            raise NoAnswer("ReadTimeout: read timed out")

    for call in (
        lambda: submit(order(), connect_to(Broken())),
        lambda: ask("submit list", JobsConfig(cluster=CLUSTER), connect_to(Broken())),
    ):
        with pytest.raises(RunFailed, match=r"^cluster\.address=http://head:8265: ReadTimeout: .*"):
            call()


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_come_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupted(FakeJobServer):
        def submit(self, job: NewJob) -> None:
            self.known.append(SubmittedJob(job.id, JobStatus.RUNNING, job.line))

        def tail(self, job_id: str) -> Iterator[str]:
            yield "one\n"
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    server = Interrupted()
    assert submit(order(id="mine"), connect_to(server)) == 130
    out, err = capsys.readouterr()
    assert out == "one\n" and not server.stopped
    assert "job mine goes on without us\nfollow it: longriver submit logs mine" in err
