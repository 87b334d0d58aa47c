"""The peer Ray Data: `map_batches` around PyPI `rwkv` with two actors, against two workers here."""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.engine.errors import OrderError
from longriver.engine.inspection import flops_per_token
from longriver.engine.tokenizer.world import WorldTokenizer
from longriver.engine.version import Version
from tests.bench.installed import is_missing
from tests.bench.rwkv_package import RwkvPackage
from tests.bench.session import Bench
from tests.bench.size import Size, checkpoint
from tests.bench.texts import mixed_lengths, shuffled
from tests.bench.workers import NOVEL, seconds_on_ray
from tests.checkpoints import loaded

SECTION = "Two workers on Ray, mixed lengths"
SMALL = Size("L6 D256", 6, 4, 65536, (32, 32, 32, 64))
NUM_WORKERS = 2
SHARD_BYTES = 1 << 16
"""Of 1.2 MB; a quarter of the least that ``auto`` makes, so that two workers end together."""
LENGTHS = 44, 200, 50_000
"""So many documents, the shortest and the longest of them."""


class Scorer:
    """What a user of Ray Data writes: nats of a text's tokens, ``step`` tokens at a time."""

    def __init__(self, path: Path, step: int) -> None:
        from rwkv import rwkv_tokenizer

        vocabulary = Path(rwkv_tokenizer.__file__).with_name("rwkv_vocab_v20230424.txt")
        self.tokenizer = rwkv_tokenizer.TRIE_TOKENIZER(str(vocabulary))
        self.model, self.step = RwkvPackage(path, Version.V7), step
        self.model.nll([0] * step, step)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        began_s, nats = time.time(), []
        for text in batch["text"]:
            nats.append(float(self.model.nll(self.tokenizer.encode(text), self.step).sum()))
        count = len(nats)
        return {"nats": nats, "began_s": [began_s] * count, "ended_s": [time.time()] * count}


def measure_ray_data(bench: Bench) -> None:
    """Wall time of the same texts in turn, start of actors and workers aside."""
    if not bench.scale.ray_data_rounds:
        return bench.miss("Ray Data: left out by --quick")
    if is_missing(bench, "rwkv") or is_missing(bench, "pandas"):
        return None
    path = checkpoint(Version.V7, SMALL, bench.folder)
    source, num_tokens = _source(bench.folder / "mixed.parquet")
    try:
        _measure(bench, path, source, flops_per_token(loaded(path)) * num_tokens)
    except OrderError as error:
        bench.miss(f"Ray Data: {error}")
    path.unlink()


def _measure(bench: Bench, path: Path, source: Path, flops: float) -> None:
    """Notes fractions of what the products alone would take on two cores, round by round."""
    order: dict[str, dict[str, object]] = {
        "model": {"path": str(path)},
        "data": {"path": str(source), "shard_bytes": SHARD_BYTES},
        "job": {"segment_tokens": 1024},
    }
    ours, theirs, ratios = [], [], []
    for _ in range(bench.scale.ray_data_rounds):
        before = bench.roof()
        ours_s = seconds_on_ray(bench, NUM_WORKERS, **order)
        theirs_s = _ray_data_s(source, path, bench.scale.step_tokens)
        least_s = flops / NUM_WORKERS / ((before + bench.roof()) / 2)
        ours.append(least_s / ours_s)
        theirs.append(least_s / theirs_s)
        ratios.append(theirs_s / ours_s)
        bench.note(SECTION, "here, of the roofline of two cores", "", *ours)
        bench.note(SECTION, "PyPI rwkv in Ray Data, of the same", "", *theirs)
        bench.note(SECTION, "its time over ours", "times", *ratios)


def _ray_data_s(source: Path, path: Path, step: int) -> float:
    """From the first text that an actor begins to the last one that is done."""
    import ray

    # one more, or the actors would leave none for the tasks that read the file
    ray.init(
        num_cpus=NUM_WORKERS + 1,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="CRITICAL",
    )
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        # one file is one block, which one actor would take whole
        texts = ray.data.read_parquet(str(source)).repartition(LENGTHS[0])
        done = texts.map_batches(
            Scorer,
            fn_constructor_args=(path, step),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=NUM_WORKERS),
        )
        rows = done.take_all()
    finally:
        ray.shutdown()
    assert len(rows) == LENGTHS[0]
    return float(max(row["ended_s"] for row in rows) - min(row["began_s"] for row in rows))


def _source(path: Path) -> tuple[Path, int]:
    """Stretches of a novel, in no order, a row each of a Parquet file; and their tokens in all."""
    text = b"".join(file.read_bytes() for file in sorted(NOVEL.iterdir()))
    ends = WorldTokenizer.load().encode(text).ends
    lengths = shuffled(mixed_lengths(*LENGTHS), seed=0)
    begins = [(7919 * number) % (len(ends) - length) for number, length in enumerate(lengths)]
    texts = [
        text[ends[begin] : ends[begin + length]].decode()
        for begin, length in zip(begins, lengths, strict=True)
    ]
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path, row_group_size=1)
    return path, sum(lengths)
