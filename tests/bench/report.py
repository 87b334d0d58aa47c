"""What was measured: rows with their rounds, single figures, and what could not be measured."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.table import Table

from tests.bench.timing import Sample, Work, fraction, rate, ratio


@dataclass(frozen=True, slots=True)
class Row:
    """A work's medians and all its rounds; ``first`` is what ``ratio`` refers to."""

    section: str
    name: str
    tokens_per_s: float
    fraction: float | None
    ratio: float | None
    compared: str | None
    first: str
    rounds: list[Sample]

    @property
    def cells(self) -> tuple[str, ...]:
        of_roof = "" if self.fraction is None else f"{self.fraction:.3f}"
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}"
        return self.name, f"{self.tokens_per_s:,.0f} tokens/s", of_roof, ratio, self.compared or ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that no roofline bounds: the median of its rounds."""

    section: str
    name: str
    unit: str
    rounds: list[float]
    value: float

    @property
    def cells(self) -> tuple[str, ...]:
        return self.name, f"{_short(self.value)} {self.unit}", "", "", ""


@dataclass(slots=True)
class Report:
    """Grows section by section.

    about:   machine, date, versions of packages, and what was ordered.
    missing: sentences that name what was left out, and why.
    """

    about: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def put(self, section: str, works: Sequence[Work], samples: Sequence[list[Sample]]) -> None:
        """A group, whose first work is what the others are compared with; instead of the same."""
        names = {work.name for work in works}
        self.rows = [row for row in self.rows if row.section != section or row.name not in names]
        for work, rounds in zip(works, samples, strict=True):
            self.rows.append(_row(section, work, rounds, works[0], samples[0]))

    def put_fact(self, fact: Fact) -> None:
        """A figure, instead of one of the same name."""
        of = fact.section, fact.name
        self.facts = [other for other in self.facts if (other.section, other.name) != of]
        self.facts.append(fact)

    def write(self, path: Path) -> None:
        """Writes JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def table(self) -> Table:
        table = Table("what", "measured", "roofline", "ratio", "", box=None)
        entries: list[Row | Fact] = [*self.rows, *self.facts]
        for section in dict.fromkeys(entry.section for entry in entries):
            table.add_row(f"[bold]{section}")
            for entry in entries:
                if entry.section == section:
                    table.add_row(*entry.cells)
        return table


def _row(
    section: str, work: Work, rounds: list[Sample], first: Work, base: Sequence[Sample]
) -> Row:
    is_first = work is first
    return Row(
        section,
        work.name,
        rate(rounds),
        None if work.flops is None else fraction(rounds, work.flops),
        None if is_first else ratio(rounds, base, work.compared),
        None if is_first else str(work.compared),
        first.name,
        rounds,
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
