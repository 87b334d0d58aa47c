"""A run folder against itself: plan, ledger and files have to agree."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from longriver.pipeline.garbage import RESULTS, find_garbage
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.verify_content import verify_content
from longriver.pipeline.verify_shard import Expected, ShardFindings, verify_shard
from longriver.pipeline.verify_summary import verify_summary, verify_totals

NUM_WAITING, NUM_READING = 16, 4
"""Shards looked at side by side: by requests that wait for storage, or by reading everything."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a run folder holds and, a line each, what is wrong with it.

    num_bytes:   of the files that the ledger names.
    num_orphans: result files that no receipt names, left by attempts that failed or came second;
                 no reader follows them, so they are no problem.
    is_deep:     every byte has been read.
    """

    num_planned: int
    num_committed: int
    num_files: int
    num_bytes: int
    num_rows_in: int
    num_documents: int
    num_rows_out: int
    num_dead: int
    num_orphans: int
    problems: tuple[str, ...]
    is_deep: bool = False

    @property
    def is_whole(self) -> bool:
        return not self.problems


def verify(folder: RunFolder, planned: Mapping[str, int | None]) -> VerifyReport:
    """Checks that every planned shard is committed once and that its files are there.

    Looks at receipts, names, sizes and the ends of files; what lies between is not read.

    Args:
        planned: source rows by shard name, None where the plan could not tell.
    """
    survey = _Survey.of(folder, planned)
    return survey.report(survey.shallow(), verify_totals)


def verify_deeply(folder: RunFolder, planned: Mapping[str, int | None]) -> VerifyReport:
    """``verify``, and every byte read again: hashes, rows, their order, what they add up to."""
    survey = _Survey.of(folder, planned)
    report = survey.report(survey.deep(survey.shallow()), verify_summary)
    return replace(report, is_deep=True)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What is to agree: the plan, the ledger, and what lies there."""

    expected: Expected
    planned: Mapping[str, int | None]
    receipts: Mapping[str, Receipt]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, folder: RunFolder, planned: Mapping[str, int | None]) -> "_Survey":
        order = folder.read_order()
        sizes = list_sizes(folder)
        receipts, damaged = Ledger(folder).survey()
        expected = Expected(folder, sizes, tuple(order.tables), order.semantic_sha256)
        problems = [str(damage) for damage in damaged]
        problems += _plan_problems(planned, receipts, {damage.shard for damage in damaged})
        return cls(expected, planned, receipts, tuple(problems))

    def shallow(self) -> list[ShardFindings]:
        def look(receipt: Receipt) -> ShardFindings:
            return verify_shard(self.expected, receipt, self.planned.get(receipt.shard))

        with ThreadPoolExecutor(NUM_WAITING) as pool:
            return list(pool.map(look, self.receipts.values()))

    def deep(self, found: Iterable[ShardFindings]) -> list[ShardFindings]:
        def read(shallow: ShardFindings) -> ShardFindings:
            if shallow.problems:
                return shallow
            receipt = self.receipts[shallow.shard]
            return verify_content(self.expected.folder, receipt, self.expected.tables)

        with ThreadPoolExecutor(NUM_READING) as pool:
            return list(pool.map(read, found))

    def report(
        self,
        findings: Iterable[ShardFindings],
        check_summary: Callable[[RunFolder, list[Receipt]], list[str]],
    ) -> VerifyReport:
        folder, receipts = self.expected.folder, list(self.receipts.values())
        findings = list(findings)
        problems = [*self.problems, *(p for f in findings for p in f.problems)]
        problems += _double_problems(findings)
        if not problems and folder.has_succeeded():
            problems += check_summary(folder, receipts)
        garbage = find_garbage(folder, self.expected.sizes, receipts)
        counts = [receipt.counts for receipt in receipts]
        return VerifyReport(
            num_planned=len(self.planned),
            num_committed=len(receipts),
            num_files=sum(len(receipt.files) for receipt in receipts),
            num_bytes=sum(entry.num_bytes for receipt in receipts for entry in receipt.files),
            num_rows_in=sum(c.num_rows_in for c in counts),
            num_documents=sum(c.num_documents for c in counts),
            num_rows_out=sum(c.num_rows_out for c in counts),
            num_dead=sum(c.num_dead for c in counts),
            num_orphans=sum(each.kind == RESULTS for each in garbage),
            problems=tuple(problems),
        )


def _plan_problems(
    planned: Mapping[str, int | None], receipts: Mapping[str, Receipt], damaged: set[str]
) -> Iterator[str]:
    committed = receipts.keys() | damaged
    for shard in sorted(planned.keys() - committed):
        yield f"shard {shard}: not committed; the same command as before does what is missing"
    for shard in sorted(committed - planned.keys()):
        yield f"shard {shard}: committed, but not in the plan"


def _double_problems(findings: Iterable[ShardFindings]) -> Iterator[str]:
    """A source that runs on into another shard goes on behind the row where it left off."""
    seen: dict[str, tuple[int, str]] = {}
    for found in findings:
        for span in found.spans:
            last_row, shard = seen.get(span.source, (-1, ""))
            if span.first_row <= last_row and shard != found.shard:
                yield (
                    f"shard {found.shard}: {span.source} row {span.first_row} is doubled, "
                    f"shard {shard} has this file's rows up to {last_row}"
                )
            seen[span.source] = (max(last_row, span.last_row), found.shard)
