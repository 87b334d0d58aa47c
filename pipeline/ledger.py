"""The ledger: a shard is committed if and only if its receipt lies here."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from longriver.engine.errors import RunFailed
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder

NUM_READERS = 16


class DamagedReceipt(RunFailed):
    """A ledger entry that is not a whole receipt."""

    def __init__(self, folder_url: str, shard: str, why: str) -> None:
        super().__init__(folder_url, shard, why)
        self.folder_url, self.shard, self.why = folder_url, shard, why

    def __str__(self) -> str:
        return (
            f"{self.folder_url}/ledger/{self.shard}.json is no whole receipt ({self.why}); delete "
            "it and run the same command again: that shard alone is then done once more"
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The receipts of a run, ledger/SHARD.json each; the first exclusive create of one wins."""

    folder: RunFolder

    def commit(self, receipt: Receipt) -> bool:
        """Commits the shard; False if another attempt has done so before.

        Asking again with the same receipt gives True again, so a lost answer does no harm.
        """
        if self.folder.create(self.path(receipt.shard), receipt.to_json()):
            return True
        return self.read(receipt.shard).attempt == receipt.attempt

    def enter(self, receipt: Receipt) -> Receipt:
        """Commits the shard for a worker, and returns the receipt that counts.

        For storages that do not create exclusively. The caller holds the run's lock, so that
        nobody else writes between the look and the write.
        """
        path = self.path(receipt.shard)
        if not self.folder.exists(path):
            self.folder.replace(path, receipt.to_json())
        return self.read(receipt.shard)

    def path(self, shard: str) -> str:
        return self.folder.path("ledger", f"{shard}.json")

    def committed(self) -> set[str]:
        """Names of the committed shards, by one listing."""
        try:
            paths = self.folder.fs.ls(self.folder.ledger_path, detail=False)
        except FileNotFoundError:
            return set()
        names = (path.rpartition("/")[2] for path in paths)
        return {n.removesuffix(".json") for n in names if n.endswith(".json") and n[0] != "."}

    def read(self, shard: str) -> Receipt:
        """The shard's receipt; raises DamagedReceipt."""
        try:
            receipt = Receipt.from_json(self.folder.fs.cat_file(self.path(shard)))
        except ValueError as error:
            raise DamagedReceipt(self.folder.url, shard, str(error)) from error
        if receipt.shard != shard:
            raise DamagedReceipt(self.folder.url, shard, f"it is for {receipt.shard}")
        return receipt

    def read_all(self) -> dict[str, Receipt]:
        """Every receipt by shard, in shard order; raises DamagedReceipt at the first bad one."""
        receipts, damaged = self.survey()
        if damaged:
            raise damaged[0]
        return receipts

    def find(self, shards: Iterable[str]) -> dict[str, Receipt]:
        """The receipts of these shards that there are, even where a listing lags behind.

        Those that the listing does not show are asked for one by one, so this is for the end of a
        run, when few or none are missing.
        """
        listed = self.read_all()
        missing = [shard for shard in shards if shard not in listed]
        late = [shard for shard in missing if self.folder.exists(self.path(shard))]
        return dict(sorted((listed | {shard: self.read(shard) for shard in late}).items()))

    def survey(self) -> tuple[dict[str, Receipt], list[DamagedReceipt]]:
        """Every receipt by shard, in shard order, and what is wrong with the bad ones."""
        shards = sorted(self.committed())
        with ThreadPoolExecutor(NUM_READERS) as pool:
            found = list(pool.map(self._read_or_damage, shards))
        damaged = [each for each in found if isinstance(each, DamagedReceipt)]
        return {each.shard: each for each in found if isinstance(each, Receipt)}, damaged

    def _read_or_damage(self, shard: str) -> Receipt | DamagedReceipt:
        try:
            return self.read(shard)
        except DamagedReceipt as damage:
            return damage
