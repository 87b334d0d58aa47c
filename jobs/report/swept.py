"""A run of a sweep, as the page of the sweep sees it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longriver.jobs.report.run import figure_of, record
from longriver.jobs.report.what_was_run import flat
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.pace_of_run import busy_seconds
from longriver.pipeline.run_folder import RunFolder

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Swept:
    """What there is to say of a run beside the others.

    name:       of its folder, in the folder that all runs of the sweep lie in.
    order:      every setting as it would be written, by dotted key; no secrets.
    summary:    summary.json.
    seconds:    in which it was at work.
    has_report: there is a page of its own to go to.
    """

    name: str
    order: Mapping[str, str]
    summary: Mapping[str, object]
    seconds: float
    has_report: bool

    @staticmethod
    def read(folder: RunFolder) -> "Swept":
        """Of a complete run."""
        return Swept(
            name=folder.root.rpartition("/")[2],
            order=dict(flat("", folder.read_order().order)),
            summary=record(json.loads(folder.fs.cat_file(folder.summary_path))),
            seconds=busy_seconds(Ledger(folder).read_all().values()),
            has_report=folder.exists(folder.report_path),
        )

    def figure(self, key: str) -> float | None:
        return figure_of(self.summary.get(key))

    def evaluated(self, key: str) -> float | None:
        """What evaluate has found; the perplexity of whole choices would tell nothing."""
        found = self._found("evaluate")
        if key == "gold_perplexity" and found.get("task") == "multiple_choice":
            return None
        return figure_of(found.get(key))

    @property
    def bits_95(self) -> Interval | None:
        """In which the bits per byte lie, where that was asked for."""
        interval = self._found("perplexity").get("bits_per_byte_95")
        return (interval[0], interval[1]) if isinstance(interval, list) else None

    @property
    def tokens_per_s(self) -> float | None:
        tokens = self.figure("num_tokens")
        return tokens / self.seconds if tokens is not None and self.seconds else None

    def _found(self, job: str) -> Mapping[str, object]:
        return record(record(self.summary.get("jobs")).get(job))


def differing(runs: Sequence[Swept]) -> list[str]:
    """The keys that were swept: those whose values differ, but for where the runs lie."""
    keys = dict.fromkeys(key for run in runs for key in run.order)
    return [
        key
        for key in keys
        if key != "output.path" and len({run.order.get(key) for run in runs}) > 1
    ]
