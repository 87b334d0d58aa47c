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
from tests.bench.timing import Work, interleaved


@dataclass(frozen=True, slots=True)
class Bench:
    """``folder`` is scratch; ``out`` is where the JSON goes, rewritten after every group."""

    scale: Scale
    size: Size
    versions: tuple[Version, ...]
    folder: Path
    out: Path
    report: Report
    roof: Callable[[], float]

    def measure(self, section: str, works: Sequence[Work]) -> None:
        """Times a group in rounds; see ``Report.add``."""
        self.say(section, ", ".join(work.name for work in works))
        self.report.add(section, works, interleaved(works, self.scale.rounds, self.roof))
        self.report.write(self.out)

    def note(self, section: str, name: str, unit: str, *rounds: float) -> None:
        """Adds a figure, the median of its rounds."""
        value = statistics.median(rounds)
        self.say(section, f"{name}: {value:.4g} {unit}")
        self.report.facts.append(Fact(section, name, unit, list(rounds), value))
        self.report.write(self.out)

    def miss(self, sentence: str) -> None:
        """Says what is left out, and why."""
        if sentence not in self.report.missing:
            self.say("left out", sentence)
            self.report.missing.append(sentence)

    def say(self, section: str, text: str) -> None:
        print(f"{section}: {text}", file=sys.stderr, flush=True)
