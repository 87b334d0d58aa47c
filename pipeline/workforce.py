"""Who does the shards: the protocol."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from longriver.engine.errors import RunFailed
from longriver.pipeline.one_line import one_line
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import WorkerSpec

OnReceipt = Callable[[Shard, Receipt], None]
OnProgress = Callable[[Progress], None]


class Workforce(Protocol):
    """One or many workers; a context manager, whose end lets them go."""

    @property
    def has_gpu(self) -> bool:
        """Whether its engines run on GPUs."""
        ...

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        """Loads engines, no more than there are shards to do; returns when work can begin."""
        ...

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        """Does the shards, begun in the order given.

        Args:
            on_receipt: told of every shard when it is committed.
            on_progress: told, again and again, what the shards in hand have come to, and always
                behind a receipt, whose shard is in hand no longer.

        Raises:
            RunFailed: a shard could not be done.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ShardFailed(RunFailed):
    """A shard that could not be done."""

    def __init__(self, shard: Shard, error: Exception, num_attempts: int = 1) -> None:
        often = f" {num_attempts} times, last" if num_attempts > 1 else ""
        super().__init__(
            f"shard {shard.name} of {shard.pieces[0].source} failed{often} with "
            f"{type(error).__name__}: {one_line(error)}; what is committed stays, the same command "
            "goes on from there"
        )


def not_started(error: Exception) -> RunFailed:
    """What to say of a worker that never came up."""
    return RunFailed(
        f"a worker could not be started: {type(error).__name__}: {one_line(error)}; "
        "what is committed stays, the same command goes on from there"
    )
