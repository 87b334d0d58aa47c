"""A run folder against itself: plan, ledger and files have to agree."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from longriver.pipeline.ledger import Ledger
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.verify_shard import ShardFindings, verify_shard

NUM_READERS = 4


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a run folder holds and, a line each, what is wrong with it.

    num_orphans: result files that no receipt names, left by attempts that failed or came second;
                 no reader follows them, so they are no problem.
    """

    num_planned: int
    num_committed: int
    num_files: int
    num_rows_in: int
    num_documents: int
    num_rows_out: int
    num_dead: int
    num_orphans: int
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.problems


def verify(folder: RunFolder, planned: Mapping[str, int | None]) -> VerifyReport:
    """Checks that every planned shard is there exactly once, with every byte that was committed.

    Args:
        planned: source rows by shard name, None where the plan could not tell.
    """
    receipts, damaged = Ledger(folder).survey()
    tables = list(folder.read_order().tables)
    strayed = [str(damage) for damage in damaged]
    strayed += _plan_problems(planned, receipts, {damage.shard for damage in damaged})
    findings = _verify_shards(folder, receipts, tables[0], planned)
    problems = [*strayed, *(p for f in findings for p in f.problems), *_seam_problems(findings)]
    return _report(receipts, len(planned), len(orphans(folder, receipts.values())), problems)


def orphans(folder: RunFolder, receipts: Iterable[Receipt]) -> list[str]:
    """Result files, relative to the folder, that none of the receipts names."""
    named = {folder.path(entry.path) for receipt in receipts for entry in receipt.files}
    folder.fs.invalidate_cache()
    found = [p for table in folder.read_order().tables for p in folder.fs.find(folder.path(table))]
    return sorted(path.removeprefix(f"{folder.root}/") for path in found if path not in named)


def _plan_problems(
    planned: Mapping[str, int | None], receipts: Mapping[str, Receipt], damaged: set[str]
) -> Iterator[str]:
    committed = receipts.keys() | damaged
    for shard in sorted(planned.keys() - committed):
        yield f"shard {shard}: not committed; the same command as before does what is missing"
    for shard in sorted(committed - planned.keys()):
        yield f"shard {shard}: committed, but not in the plan"


def _verify_shards(
    folder: RunFolder,
    receipts: Mapping[str, Receipt],
    first_table: str,
    planned: Mapping[str, int | None],
) -> list[ShardFindings]:
    def verify_one(receipt: Receipt) -> ShardFindings:
        return verify_shard(folder, receipt, first_table, planned.get(receipt.shard))

    with ThreadPoolExecutor(NUM_READERS) as pool:
        return list(pool.map(verify_one, receipts.values()))


def _seam_problems(findings: Iterable[ShardFindings]) -> Iterator[str]:
    """A source that runs on into the next shard goes on behind the row where it left off."""
    for before, after in pairwise(f for f in findings if f.first and f.last):
        assert before.last and after.first
        (source, last_row), (next_source, row) = before.last, after.first
        if source == next_source and row <= last_row:
            yield f"{source}: row {row} begins a shard, but row {last_row} ends the one before"


def _report(
    receipts: Mapping[str, Receipt], num_planned: int, num_orphans: int, problems: list[str]
) -> VerifyReport:
    counts = [receipt.counts for receipt in receipts.values()]
    return VerifyReport(
        num_planned=num_planned,
        num_committed=len(receipts),
        num_files=sum(len(receipt.files) for receipt in receipts.values()),
        num_rows_in=sum(c.num_rows_in for c in counts),
        num_documents=sum(c.num_documents for c in counts),
        num_rows_out=sum(c.num_rows_out for c in counts),
        num_dead=sum(c.num_dead for c in counts),
        num_orphans=num_orphans,
        problems=tuple(problems),
    )
