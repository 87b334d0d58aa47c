"""Who does the shards: the protocol, and the simplest case, one worker in this process."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

import torch

from longriver.engine.errors import RunFailed
from longriver.pipeline.damage import one_line
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import Worker, WorkerSpec

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


class LocalWorkforce:
    """One worker in this process, without Ray."""

    @property
    def has_gpu(self) -> bool:
        return torch.cuda.is_available()

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        self.worker = Worker.build(spec)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        for shard in shards:
            on_receipt(shard, self._run_shard(shard, on_progress))
            on_progress(Progress())

    def _run_shard(self, shard: Shard, on_progress: OnProgress) -> Receipt:
        """What storage refuses, a full disk say, is said in one line; a surprise is left alone."""
        try:
            return self.worker.run_shard(shard, on_progress)
        except OSError as error:
            raise ShardFailed(shard, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
