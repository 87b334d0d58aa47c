"""A run before a person's eyes: a live display on a terminal, plain lines in a log."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from longriver.pipeline.closing_table import print_outcome
from longriver.pipeline.figures import count, counted, data_size, duration
from longriver.pipeline.progress import Pace, Progress, Reporter, RunOutcome

LINE_EVERY_S = 10.0
BAR_WIDTH = 24

Clock = Callable[[], float]


def reporter_for(progress: Console, results: Console) -> Reporter:
    """Live where ``progress`` is a terminal; the closing table goes to ``results``."""
    if progress.is_terminal:
        return LiveReporter(progress, results)
    return LineReporter(progress, results)


class LiveReporter:
    """A bar and a line of facts that are redrawn in place."""

    def __init__(self, progress: Console, results: Console, clock: Clock = time.monotonic) -> None:
        self.results = results
        self.stopwatch = _Stopwatch(clock)
        self.waiting = progress.status("")
        self.live = Live(
            console=progress,
            get_renderable=lambda: live_view(self.stopwatch.read()),
            refresh_per_second=4,
            transient=True,
        )

    def prepare(self, what: str) -> None:
        self.waiting.update(what)
        self.waiting.start()

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None:
        self.waiting.stop()
        self.stopwatch.start(total_bytes, total_shards, before)
        self.live.start()

    def update(self, session: Progress) -> None:
        self.stopwatch.session = session

    def stop(self) -> None:
        self.waiting.stop()
        self.live.stop()

    def finish(self, outcome: RunOutcome) -> None:
        print_outcome(self.results, outcome)


class LineReporter:
    """One line with the time of day every ten seconds, and one at the end.

    Args:
        clock: seconds, for the rates.
        now:   the time of day, for the lines.
    """

    def __init__(
        self,
        progress: Console,
        results: Console,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.progress = progress
        self.results = results
        self.stopwatch = _Stopwatch(clock)
        self.now = now
        self.next_line_s = LINE_EVERY_S

    def prepare(self, what: str) -> None:
        self._say(what)

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None:
        self.stopwatch.start(total_bytes, total_shards, before)
        self._say(log_line(self.stopwatch.read()))

    def update(self, session: Progress) -> None:
        self.stopwatch.session = session
        pace = self.stopwatch.read()
        if pace.seconds >= self.next_line_s:
            self.next_line_s = pace.seconds + LINE_EVERY_S
            self._say(log_line(pace))

    def stop(self) -> None:
        if self.stopwatch.is_running:
            self._say(log_line(self.stopwatch.read()))
            self.stopwatch.is_running = False

    def finish(self, outcome: RunOutcome) -> None:
        print_outcome(self.results, outcome)

    def _say(self, what: str) -> None:
        line = f"{self.now():%Y-%m-%d %H:%M:%S} {what}"
        self.progress.print(line, soft_wrap=True, markup=False, highlight=False)


class _Stopwatch:
    """The pace of the session that is running."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_running = False
        self.session = Progress()
        self.at_start, self.started_s = Pace(0, 0), clock()

    def start(self, total_bytes: int, total_shards: int, before: Progress) -> None:
        self.is_running = True
        self.at_start, self.started_s = Pace(total_bytes, total_shards, before), self.clock()

    def read(self) -> Pace:
        seconds = self.clock() - self.started_s
        return replace(self.at_start, session=self.session, seconds=seconds)


def log_line(pace: Pace) -> str:
    """All facts in one line of plain text."""
    return ", ".join((_size(pace), *_facts(pace), _left(pace)))


def live_view(pace: Pace) -> Group:
    """Two lines that fit 80 columns."""
    bar = ProgressBar(1.0, pace.fraction, BAR_WIDTH, complete_style="cyan", finished_style="green")
    first = Table.grid(padding=(0, 1))
    first.add_row(bar, Text(f"{_size(pace)}, {_left(pace)}"))
    return Group(first, Text(", ".join(_facts(pace))))


def _size(pace: Pace) -> str:
    sizes = f"{data_size(pace.done.num_bytes)} of {data_size(pace.total_bytes)}"
    return f"{sizes} ({pace.fraction:.0%})"


def _facts(pace: Pace) -> list[str]:
    done = pace.done
    facts = [counted(done.num_documents, "document"), counted(done.num_tokens, "token")]
    if pace.tokens_per_s is not None:
        facts.append(f"{count(pace.tokens_per_s)} tokens/s")
    if done.num_dead:
        facts.append(f"{count(done.num_dead)} dead")
    return [*facts, f"{count(done.num_shards)} of {count(pace.total_shards)} shards"]


def _left(pace: Pace) -> str:
    if pace.is_done:
        return f"done in {duration(pace.seconds)}"
    if pace.seconds_left is None:
        return "time left unknown yet"
    return f"{duration(pace.seconds_left)} left"
