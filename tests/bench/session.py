"""One run of the benchmark: what was ordered, where its files lie, and its report."""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from longriver.engine.version import Version
from tests.bench.report import Fact, Report
from tests.bench.scale import Scale
from tests.bench.size import Size
from tests.bench.timing import Sample, Work, interleaved


@dataclass(frozen=True, slots=True)
class Bench:
    """``folder`` is scratch; ``out`` is where the JSON goes, rewritten after every round."""

    scale: Scale
    size: Size
    versions: tuple[Version, ...]
    folder: Path
    out: Path
    report: Report
    roof: Callable[[], float]

    def measure(self, section: str, works: Sequence[Work]) -> None:
        """Times a group in rounds, and reports those that are done; see ``Report.put``."""
        self.say(section, ", ".join(work.name for work in works))
        rounds: list[list[Sample]] = []
        for samples in interleaved(works, self.scale.rounds, self.roof):
            rounds.append(samples)
            self.report.put(section, works, list(map(list, zip(*rounds, strict=True))))
            self.report.write(self.out)

    def note(self, section: str, name: str, unit: str, *rounds: float) -> None:
        """Adds a figure, the median of its rounds so far; instead of the same of fewer."""
        value = statistics.median(rounds)
        self.say(section, f"{name}: {value:.4g} {unit}")
        self.report.put_fact(Fact(section, name, unit, list(rounds), value))
        self.report.write(self.out)

    def miss(self, sentence: str) -> None:
        """Says what is left out, and why."""
        if sentence not in self.report.missing:
            self.say("left out", sentence)
            self.report.missing.append(sentence)

    def say(self, section: str, text: str) -> None:
        print(f"{section}: {text}", file=sys.stderr, flush=True)
