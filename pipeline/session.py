"""One run of the driver over a run folder: what is planned, what is missing, how it ends."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

from longriver.engine.errors import RunFailed
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.driver_commit import settle
from longriver.pipeline.driver_lock import Commits, DriverLock
from longriver.pipeline.filesystem import list_files
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import Order
from longriver.pipeline.plan import Plan, longest_first
from longriver.pipeline.plan_file import read_plan, write_plan
from longriver.pipeline.progress import Progress, Reporter
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.result_files import check_files
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.scan import fingerprint, plan_sources, refuse_strangers
from longriver.pipeline.shard import Shard
from longriver.pipeline.table import DEAD
from longriver.pipeline.unchanged import InputChanged
from longriver.pipeline.worker import WorkerSpec
from longriver.pipeline.workforce import Workforce


def stored_plan(folder: RunFolder) -> Plan | None:
    """The plan of a run that was started before."""
    if not folder.exists(folder.plan_path):
        return None
    with folder.fs.open(folder.plan_path, "rb") as file:
        return read_plan(file)


def input_plan(folder: RunFolder, data: DataConfig) -> tuple[Plan, str]:
    """The stored plan, else a new one, and the fingerprint of the input as it lies there now."""
    stored = stored_plan(folder)
    if stored is not None:
        files = list_files(data.path, data.storage_options)
        refuse_strangers(stored, files)
        return stored, fingerprint(files)
    plan = plan_sources(data)
    return plan, plan.fingerprint


@dataclass(frozen=True)
class Session:
    """A claimed run folder and its plan."""

    folder: RunFolder
    order: Order
    plan: Plan

    @staticmethod
    def open(folder: RunFolder, order: Order, plan: Plan) -> "Session":
        """Claims the folder for the order and stores the plan; the first plan stored counts.

        Raises:
            PlanMismatch: the folder belongs to another order.
        """
        started = folder.claim(order)
        content = io.BytesIO()
        write_plan(plan, content)
        if not folder.create(folder.plan_path, content.getvalue()):
            stored = stored_plan(folder)
            assert stored is not None
            plan = stored
        return Session(folder, started, plan)

    def receipts(self) -> Mapping[str, Receipt]:
        return Ledger(self.folder).read_all()

    def work(
        self,
        workforce: Workforce,
        spec: WorkerSpec,
        reporter: Reporter,
        lock: DriverLock | None = None,
    ) -> Progress:
        """Has every missing shard done; returns what this session did.

        Args:
            lock: of the run folder; None where no other driver can be at work.
        """
        receipts = self.receipts()
        pending = longest_first(s for s in self.plan.shards if s.name not in receipts)
        tally = _Tally(reporter, lock, spec.commits)
        if pending:
            reporter.prepare("loading the engine")
            workforce.start(spec, len(pending))
            before = sum((_progress(s, receipts) for s in self.plan.shards), Progress())
            reporter.start(self.plan.num_bytes, len(self.plan.shards), before)
            workforce.work(pending, tally.on_receipt, tally.on_progress)
        return tally.committed

    def check_whole(self, data: DataConfig) -> Mapping[str, Receipt]:
        """The receipts of a finished run.

        Raises:
            RunFailed: a shard has no receipt, what was read is not what was planned, or a file
                is not as long as it was.
        """
        _check_input(data, self.plan)
        receipts = Ledger(self.folder).find(shard.name for shard in self.plan.shards)
        for shard in self.plan.shards:
            if shard.name not in receipts:
                raise RunFailed(f"shard {shard.name} is not committed; run the same command again")
            _check_rows(shard, receipts[shard.name])
        check_files(self.folder, receipts.values())
        return receipts


class _Tally:
    """Adds up what has been committed and what is in hand, for the reporter.

    Commits what workers may not commit themselves, and stops when the lock is lost.
    """

    def __init__(self, reporter: Reporter, lock: DriverLock | None, commits: Commits) -> None:
        self.reporter, self.lock, self.commits = reporter, lock, commits
        self.committed = Progress()

    def on_receipt(self, shard: Shard, receipt: Receipt) -> None:
        if self.commits == "driver":
            assert self.lock is not None, "only the holder of the lock may commit"
            receipt = settle(self.lock, receipt)
        self.committed += _progress(shard, {shard.name: receipt})

    def on_progress(self, in_hand: Progress) -> None:
        if self.lock is not None:
            self.lock.check()
        self.reporter.update(self.committed + in_hand)


def _progress(shard: Shard, receipts: Mapping[str, Receipt]) -> Progress:
    if shard.name not in receipts:
        return Progress()
    receipt = receipts[shard.name]
    num_dead = sum(entry.num_rows for entry in receipt.files_of(DEAD.name))
    counts = receipt.counts
    return Progress(counts.num_documents, num_dead, counts.num_tokens, shard.num_bytes, 1)


def _check_input(data: DataConfig, plan: Plan) -> None:
    found = fingerprint(list_files(data.path, data.storage_options))
    if found != plan.fingerprint:
        raise InputChanged(
            f"data.path={data.path} changed during the run: its files are sha256:{found[:16]}… "
            f"now, sha256:{plan.fingerprint[:16]}… were planned; "
            "put them back and run the same command again, or use a new output.path"
        )


def _check_rows(shard: Shard, receipt: Receipt) -> None:
    if shard.num_rows is not None and shard.num_rows != receipt.counts.num_rows_in:
        raise InputChanged(
            f"shard {shard.name} read {receipt.counts.num_rows_in} rows, {shard.num_rows} were "
            f"planned: {shard.pieces[0].source} changed during the run; use a new output.path"
        )
