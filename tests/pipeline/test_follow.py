"""A submitted job is followed to its end, through cut lines, and nothing is said twice."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.errors import RunFailed
from longriver.pipeline.follow import PATIENCE_S, Follower, unsaid
from longriver.pipeline.submitted_job import JobStatus, NoAnswer
from tests.job_server import RUNNING, SUCCEEDED, FakeJobServer, ended

CUT = NoAnswer("cut")


class Clock:
    """Goes on by what is slept."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def followed(server: FakeJobServer, say: Callable[[str], None]) -> Follower:
    clock = Clock()
    return Follower(server, "a", say, clock.read, clock.sleep)


def test_what_a_job_prints_is_passed_on_until_it_has_ended() -> None:
    said: list[str] = []
    server = FakeJobServer(answers=[RUNNING, SUCCEEDED], tails=[["one\n", "two\n"]])
    server.whole = "one\ntwo\n"
    assert followed(server, said.append).follow() == SUCCEEDED
    assert said == ["one\n", "two\n"]


def test_the_end_of_a_log_that_was_cut_short_is_said_once_the_job_has_ended() -> None:
    said: list[str] = []
    server = FakeJobServer(answers=[RUNNING, SUCCEEDED], tails=[["one\n"]], whole="one\ntwo\n")
    followed(server, said.append).follow()
    assert "".join(said) == "one\ntwo\n"


def test_a_line_that_is_cut_is_taken_up_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    server = FakeJobServer(answers=[RUNNING, CUT, CUT, RUNNING, SUCCEEDED])
    server.tails = [["one\n", CUT], ["on", "e\ntwo\n"]]
    server.whole = "one\ntwo\nthree\n"
    followed(server, said.append).follow()
    assert "".join(said) == "one\ntwo\nthree\n"
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["the cluster does not answer (cut); asking again"]


def test_a_head_that_stays_away_ends_the_following_and_not_the_job() -> None:
    server = FakeJobServer(answers=[RUNNING, CUT], tails=[["one\n", CUT]])
    follower = followed(server, lambda piece: None)
    with pytest.raises(RunFailed, match=r"not answered for 180 s \(cut\); job a may go on"):
        follower.follow()
    assert PATIENCE_S < follower.clock() < PATIENCE_S + 5


def test_a_head_that_was_started_anew_is_told_from_one_that_is_away() -> None:
    server = FakeJobServer(answers=[RUNNING, None])
    with pytest.raises(RunFailed, match="knows no job a any more: its head was started anew"):
        followed(server, lambda piece: None).follow()


def test_the_log_of_a_machine_that_went_is_not_waited_for() -> None:
    died = ended(JobStatus.FAILED, message="the node died")
    server = FakeJobServer(answers=[died], whole=CUT)
    assert followed(server, lambda piece: None).follow() == died


@given(st.lists(st.text()), st.data())
def test_a_text_in_pieces_goes_on_behind_any_character(
    pieces: list[str], data: st.DataObject
) -> None:
    text = "".join(pieces)
    num_said = data.draw(st.integers(0, len(text)))
    assert "".join(unsaid(pieces, num_said)) == text[num_said:]
