"""What the embed job says of a whole run."""

from collections.abc import Sequence

from longriver.jobs.embed_tables import EMBED, SEGMENTS
from longriver.pipeline.figures import count
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import Finding


def findings(folder: RunFolder, receipts: Sequence[Receipt]) -> Finding:
    """Segments, and the type of the vectors as the run folder has it."""
    tables = folder.read_order().tables
    vector = tables.get(SEGMENTS, tables[EMBED])["vector"]
    if SEGMENTS not in tables:
        return Finding({"vector": vector}, (("vectors", _plain(vector), ""),))
    num_segments = sum(int(receipt.sums.get("num_segments", 0)) for receipt in receipts)
    return Finding(
        {"num_segments": num_segments, "vector": vector},
        (("segments", count(num_segments), ""), ("vectors", _plain(vector), "")),
    )


def _plain(vector: str) -> str:
    """``list<float32>[128]`` as people say it."""
    number_type, _, length = vector.removeprefix("list<").rstrip("]").partition(">[")
    return f"{length} {number_type}"
