"""The ledger: a shard is committed if and only if its receipt lies here."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from longriver.engine.errors import RunFailed
from longriver.pipeline.exclusive import create_exclusive
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
        if create_exclusive(self.folder.fs, self.path(receipt.shard), receipt.to_json()):
            return True
        return self.read(receipt.shard).attempt == receipt.attempt

    def path(self, shard: str) -> str:
        return self.folder.path("ledger", f"{shard}.json")

    def committed(self) -> set[str]:
        """Names of the committed shards, by one listing."""
        fs, root = self.folder.fs, self.folder.ledger_path
        fs.invalidate_cache(root)
        try:
            paths = fs.ls(root, detail=False)
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
