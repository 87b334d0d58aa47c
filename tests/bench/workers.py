"""One worker on Ray against two, with the embedded model."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from longriver.engine.errors import OrderError
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver import RayWorkforce
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.shard import Shard
from longriver.pipeline.workforce import OnProgress, OnReceipt
from tests.bench.session import Bench
from tests.orders import begin, order_of

SECTION = "Workers on Ray, the embedded model"
NOVEL = Path(__file__).parents[1] / "data" / "persuasion"


class TimedRayWorkforce(RayWorkforce):
    """Knows the seconds of its work, the start of its workers aside."""

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        began_s = time.perf_counter()
        super().work(shards, on_receipt, on_progress)
        self.seconds = time.perf_counter() - began_s


def measure_workers(bench: Bench) -> None:
    """Wall time of the sample novel with one and two workers in turn."""
    if not bench.scale.worker_rounds:
        return bench.miss("one against two workers on Ray: left out by --quick")
    numbers = range(bench.scale.worker_rounds)
    try:
        rounds = [tuple(_seconds(bench, n) for n in (1, 2)) for _ in numbers]
    except OrderError as error:
        return bench.miss(f"one against two workers on Ray: {error}")
    num_bytes = sum(path.stat().st_size for path in NOVEL.iterdir())
    for name, seconds in zip(("one worker", "two workers"), zip(*rounds, strict=True), strict=True):
        bench.note(SECTION, name, "tokens/s, wall", *(num_bytes / s for s in seconds))
    bench.note(SECTION, "two against one", "times", *(one / two for one, two in rounds))


def _seconds(bench: Bench, num_workers: int) -> float:
    return seconds_on_ray(bench, num_workers, job={"segment_tokens": 1024})


def seconds_on_ray(bench: Bench, num_workers: int, **parts: dict[str, object]) -> float:
    """Wall time of scoring texts, the start of Ray and its workers aside.

    Args:
        parts: of the order.

    Raises:
        OrderError: Ray cannot be started here.
    """
    folder = bench.folder / "ray-run"
    config = order_of(NOVEL, folder, **parts)
    cluster = ClusterConfig(kind="ray", num_workers=num_workers)
    with TimedRayWorkforce(cluster, Drain()) as workforce:
        session, spec = begin(config)
        session.work(workforce, spec, SilentReporter())
    shutil.rmtree(folder)
    return workforce.seconds
