"""What lies in a run folder, by one listing of it."""

import re

from longriver.pipeline.run_folder import RunFolder

RESULT = re.compile(r"([A-Za-z0-9_]+)/([0-9]{6,})-([0-9a-f]{8})\.parquet")
"""A result file: table, shard and the beginning of the attempt's name."""


def list_sizes(folder: RunFolder) -> dict[str, int]:
    """The size of every file in the folder, by path relative to it."""
    found = folder.fs.find(folder.root, detail=True)
    prefix = f"{folder.root}/"
    return {path.removeprefix(prefix): int(info["size"] or 0) for path, info in found.items()}
