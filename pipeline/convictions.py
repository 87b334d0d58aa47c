"""Counts the documents of a run that were found to kill workers, up to a limit."""

from longriver.engine.errors import RunFailed
from longriver.pipeline.crumbs import Crumbs
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard


class Convictions:
    """By what lies in the run folder, as far as this session has asked.

    Args:
        limit: with more than so many documents, the reason must be something else.
    """

    def __init__(self, folder: RunFolder, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.found: dict[str, int] = {}

    def of(self, shard: Shard) -> int:
        """How many of the shard's documents are known to kill.

        Raises:
            RunFailed: there are too many in all.
        """
        self.found[shard.name] = Crumbs(self.folder, shard.name).verdict(()).num_findings
        if sum(self.found.values()) > self.limit:
            raise RunFailed(
                f"more than {self.limit} documents have each ended a worker that read nothing "
                "else, so it may not be the documents; see the warnings above, or raise "
                "cluster.max_crashed_documents and run the same command again"
            )
        return self.found[shard.name]
