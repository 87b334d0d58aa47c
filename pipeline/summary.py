"""The figures of a whole run: sums first, ratios once, the same to the bit for any workers."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from longriver.engine.nll import NllSum
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import read_table
from longriver.pipeline.table import DEAD

MAX_GROUPS = 1000
"""Groups with figures of their own; documents of groups that appear later are summed as one."""

COUNTED = ("num_tokens", "num_bytes", "num_chars", "num_words")
SUMMED = ("nll", *COUNTED)

NUMBERS = ("int64", "float64")
"""Types of columns that can be added up; a column of that name may be a list."""

GroupKey = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one job adds to the figures of a run.

    record: JSON values, in summary.json under ``jobs`` and the job's name; the same to the bit for
            any workers.
    lines:  of the closing table: what it is called, the figure, a remark.
    """

    record: Mapping[str, object]
    lines: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class Sums:
    """What a set of documents adds up to; of those in ``SUMMED``, what their job counts."""

    num_documents: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> NllSum | None:
        """None where nothing was scored."""
        if "nll" not in self.sums:
            return None
        num_tokens, num_bytes, num_words = (
            int(self.sums[name]) for name in ("num_tokens", "num_bytes", "num_words")
        )
        return NllSum(self.sums["nll"], num_tokens, num_bytes, num_words)

    @property
    def record(self) -> dict[str, object]:
        """For JSON: a ratio is null where nothing was counted, or beyond what a float64 holds."""
        counted = {name: int(self.sums[name]) for name in COUNTED if name in self.sums}
        return {"num_documents": self.num_documents, **counted, **self._ratios()}

    def _ratios(self) -> dict[str, object]:
        total = self.total
        if total is None:
            return {}
        return {
            "nll": total.nats,
            "bits_per_byte": _finite(total.bits_per_byte),
            "perplexity": _finite(total.perplexity),
            "word_perplexity": _finite(total.word_perplexity),
            "byte_perplexity": _finite(total.byte_perplexity),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """A run's figures.

    num_dead:     source rows in the dead-letter table.
    dead_reasons: dead letters by reason.
    groups:       by the values of the group columns, in order of first appearance.
    other_groups: every group behind the first ``MAX_GROUPS``, as one.
    findings:     what jobs add, by their names.
    """

    num_shards: int
    num_dead: int
    dead_reasons: Mapping[str, int]
    corpus: Sums
    group_columns: tuple[str, ...]
    groups: Mapping[GroupKey, Sums]
    other_groups: Sums
    findings: Mapping[str, Finding] = field(default_factory=dict)

    def to_json(self) -> bytes:
        columns = self.group_columns
        record = {
            "num_shards": self.num_shards,
            "num_dead": self.num_dead,
            "dead_reasons": dict(self.dead_reasons),
            **self.corpus.record,
            "groups": [
                {"group": dict(zip(columns, key, strict=True)), **sums.record}
                for key, sums in self.groups.items()
            ],
            "other_groups": self.other_groups.record if self.other_groups.num_documents else None,
            "jobs": {job: finding.record for job, finding in self.findings.items()},
        }
        return json.dumps(record, indent=2, allow_nan=False).encode() + b"\n"


def summarize(
    folder: RunFolder,
    receipts: Iterable[Receipt],
    group_columns: Sequence[str] = (),
    max_groups: int = MAX_GROUPS,
    findings: Mapping[str, Finding] | None = None,
) -> Summary:
    """Adds up a run from its receipts, in shard order; groups from the first table's rows."""
    receipts = list(receipts)
    columns = next(iter(folder.read_order().tables.values()))
    summed = [name for name in SUMMED if columns.get(name) in NUMBERS]
    groups, others = (
        _sum_groups(folder, group_columns, summed, max_groups) if group_columns else ({}, Sums())
    )
    return Summary(
        num_shards=len(receipts),
        num_dead=sum(receipt.counts.num_dead for receipt in receipts),
        dead_reasons=_dead_reasons(folder),
        corpus=_sum_corpus(receipts, summed),
        group_columns=tuple(group_columns),
        groups=groups,
        other_groups=others,
        findings=findings or {},
    )


def write_summary(folder: RunFolder, summary: Summary) -> None:
    """Writes summary.json and then, last of all, _SUCCESS."""
    folder.replace(folder.summary_path, summary.to_json())
    folder.replace(folder.success_path, b"")


def _sum_corpus(receipts: Sequence[Receipt], summed: Sequence[str]) -> Sums:
    """``math.fsum`` rounds the exact sum once, so neither workers nor their order leave a trace."""
    return Sums(
        sum(receipt.counts.num_documents for receipt in receipts),
        {name: math.fsum(r.sums.get(name, 0.0) for r in receipts) for name in summed},
    )


def _sum_groups(
    folder: RunFolder, columns: Sequence[str], summed: Sequence[str], max_groups: int
) -> tuple[dict[GroupKey, Sums], Sums]:
    groups: dict[GroupKey, Sums] = {}
    others = Sums()
    for key, values in _grouped_values(folder, columns, summed):
        if key not in groups and len(groups) < max_groups:
            groups[key] = Sums()
        group = groups.get(key, others)
        group.num_documents += 1
        for name, value in zip(summed, values, strict=True):
            group.sums[name] = group.sums.get(name, 0.0) + value
    return groups, others


def _grouped_values(
    folder: RunFolder, columns: Sequence[str], summed: Sequence[str]
) -> Iterator[tuple[GroupKey, tuple[float, ...]]]:
    """One thread reads in document order, so that sums are added in the same order every time."""
    table = read_table(folder, next(iter(folder.read_order().tables)))
    for batch in table.to_batches(columns=[*columns, *summed], use_threads=False):
        found = [batch[name].to_pylist() for name in (*columns, *summed)]
        for cells in zip(*found, strict=True):
            yield cells[: len(columns)], cells[len(columns) :]


def _dead_reasons(folder: RunFolder) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for batch in read_table(folder, DEAD.name).to_batches(columns=["reason"]):
        reasons.update(batch["reason"].to_pylist())
    return dict(sorted(reasons.items()))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
