"""The simplest workforce: one worker in this process, without Ray."""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import torch

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.convictions import Convictions
from longriver.pipeline.dispatcher import MAX_ATTEMPTS
from longriver.pipeline.drain import Drain, Drained
from longriver.pipeline.lease import Lease
from longriver.pipeline.one_line import one_line
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import Worker, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt, ShardFailed

logger = logging.getLogger(__name__)


class LocalWorkforce:
    """Does shards itself, one after the other."""

    def __init__(self, config: ClusterConfig, drain: Drain) -> None:
        self.config, self.drain = config, drain

    @property
    def has_gpu(self) -> bool:
        return torch.cuda.is_available()

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        self.worker = Worker.build(spec)
        self.convictions = Convictions(self.worker.folder, self.config.max_crashed_documents)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        def step(progress: Progress) -> None:
            on_progress(progress)
            self.drain.check()

        with self.drain.armed():
            for shard in shards:
                on_receipt(shard, self._run_shard(shard, step))
                step(Progress())

    def _run_shard(self, shard: Shard, on_progress: OnProgress) -> Receipt:
        """Tries a shard again as long as that may find out which document is to blame."""
        num_attempts = 0
        while True:
            try:
                return self.worker.run_shard(Lease(shard), on_progress)
            except (Drained, OrderError, RunFailed):
                raise
            except OSError as error:
                raise ShardFailed(shard, error) from error
            except Exception as error:
                num_attempts += 1
                most = MAX_ATTEMPTS * (1 + self.convictions.of(shard))
                what = f"shard {shard.name}, attempt {num_attempts} of {most}"
                logger.warning("%s: %s: %s", what, type(error).__name__, one_line(error))
                if num_attempts >= most:
                    raise ShardFailed(shard, error, num_attempts) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
