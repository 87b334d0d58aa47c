"""What a person is told while a run goes on, with a clock that the test turns."""

import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from longriver.pipeline.progress import Pace, Progress, SilentReporter
from longriver.pipeline.progress_display import (
    LineReporter,
    LiveReporter,
    live_view,
    log_line,
    reporter_for,
)

MB = 1_000_000


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5) + timedelta(seconds=self.seconds - 1000)


def console(is_terminal: bool = False, width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=is_terminal)


def text_of(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def session(num_bytes: int, num_shards: int = 0) -> Progress:
    return Progress(num_bytes // 1000, 0, num_bytes // 4, num_bytes, num_shards)


counts = st.integers(0, 10**12)
progress = st.builds(Progress, counts, counts, counts, counts, counts)


@given(progress, progress, progress)
def test_progress_adds_up_in_any_order(a: Progress, b: Progress, c: Progress) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Progress() == a


def test_time_left_comes_from_this_session_alone() -> None:
    before = session(60 * MB, num_shards=6)
    pace = Pace(100 * MB, 10, before, session(10 * MB, 1), seconds=5.0)
    assert pace.seconds_left == pytest.approx(15.0)
    assert pace.tokens_per_s == pytest.approx(500_000)
    assert pace.done.num_bytes == 70 * MB
    assert pace.fraction == pytest.approx(0.7)


def test_nothing_is_claimed_before_it_is_measured() -> None:
    assert Pace(MB, 2, session=session(1000), seconds=0.5).seconds_left is None
    assert Pace(MB, 2, seconds=60.0).seconds_left is None
    assert "time left unknown" in log_line(Pace(MB, 2, seconds=60.0))


def test_sizes_that_were_estimated_too_small_do_not_end_the_run() -> None:
    pace = Pace(MB, 2, session=session(2 * MB, 1), seconds=10.0)
    assert pace.seconds_left == 0.0
    assert pace.fraction == 1.0 and "done" not in log_line(pace)
    whole = Pace(2 * MB, 2, session=session(MB, 2), seconds=10.0)
    assert whole.fraction == 1.0 and "done in 10 s" in log_line(whole)


def test_an_empty_run_is_whole_at_once() -> None:
    assert Pace(0, 0).fraction == 1.0


def test_a_log_has_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    clock, log = Clock(), console()
    reporter = LineReporter(log, console(), clock, clock.now)
    reporter.start(100 * MB, 10, Progress())
    for second in range(1, 26):
        clock.seconds = 1000 + second
        reporter.update(session(second * MB))
    reporter.stop()
    reporter.stop()
    lines = text_of(log).splitlines()
    assert [line[:19] for line in lines] == [
        "2026-01-02 03:04:05",
        "2026-01-02 03:04:15",
        "2026-01-02 03:04:25",
        "2026-01-02 03:04:30",
    ]
    assert lines[1][20:] == (
        "10.0 MB of 100.0 MB (10%), 10,000 documents, 2,500,000 tokens, 250,000 tokens/s, "
        "0 of 10 shards, 1 min 30 s left"
    )


def test_dead_letters_are_told_as_they_come() -> None:
    pace = Pace(MB, 2, session=Progress(num_dead=3))
    assert "3 dead" in log_line(pace)
    assert "dead" not in log_line(Pace(MB, 2))


def test_the_live_view_fits_80_columns_at_any_size() -> None:
    huge = Progress(10**9, 10**6, 10**13, 10**14, 10**6)
    target = console()
    target.print(live_view(Pace(9 * 10**14, 10**7, session=huge, seconds=10**7)))
    assert max(len(line) for line in text_of(target).splitlines()) <= 80


def test_a_terminal_gets_a_live_display_that_leaves_nothing_behind() -> None:
    clock, screen = Clock(), console(is_terminal=True)
    reporter = LiveReporter(screen, console(), clock)
    reporter.start(10 * MB, 2, Progress())
    clock.seconds += 4
    reporter.update(session(5 * MB, 1))
    reporter.stop()
    assert "5.0 MB of 10.0 MB (50%), 4 s left" in text_of(screen)
    assert not reporter.live.is_started


def test_stopping_before_the_start_is_harmless() -> None:
    for reporter in (LiveReporter(console(), console()), LineReporter(console(), console())):
        reporter.stop()


def test_the_display_follows_the_place_it_is_shown_at() -> None:
    assert isinstance(reporter_for(console(is_terminal=True), console()), LiveReporter)
    assert isinstance(reporter_for(console(), console()), LineReporter)


def test_nobody_has_to_watch() -> None:
    reporter = SilentReporter()
    reporter.start(1, 1, Progress())
    reporter.update(Progress())
    reporter.stop()
