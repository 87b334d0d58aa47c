"""Who does the shards: the protocol, and the simplest case, one worker in this process."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

import torch

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

    def start(self, spec: WorkerSpec) -> None:
        """Loads the engines; returns when they are ready."""
        ...

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        """Does the shards, begun in the order given.

        Args:
            on_receipt: told of every shard when it is committed.
            on_progress: told, again and again, what the shards in hand have come to.

        Raises:
            RunFailed: a shard failed too often.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class LocalWorkforce:
    """One worker in this process, without Ray."""

    @property
    def has_gpu(self) -> bool:
        return torch.cuda.is_available()

    def start(self, spec: WorkerSpec) -> None:
        self.worker = Worker.build(spec)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        for shard in shards:
            receipt = self.worker.run_shard(shard, on_progress)
            on_progress(Progress())
            on_receipt(shard, receipt)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
