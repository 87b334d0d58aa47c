"""The Ray driver: joins or starts a cluster, hires an actor a GPU or core, leases shards."""

import logging
import os
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayActorError, RayError, RaySystemError, RayTaskError

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import WorkerShell, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""A shard that fails this often stops the run."""

POLL_S = 0.5
OBJECT_STORE_BYTES = 100 << 20
"""Only leases and receipts, about a kilobyte each, cross Ray's object store."""

Actor = Any
Ref = Any


@dataclass(frozen=True, slots=True)
class _Lease:
    """An actor at work on a shard, or on loading its engine."""

    actor: Actor
    shard: Shard | None


class RayWorkforce:
    """Actors with an engine each; every re-execution is the driver's own, Ray retries nothing."""

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        self.leases: dict[Ref, _Lease] = {}
        self.looks: dict[Ref, Actor] = {}
        self.in_hand: dict[Actor, Progress] = {}

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        _connect(self.config.address)
        self.resources = ray.cluster_resources()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ray.shutdown()

    @property
    def has_gpu(self) -> bool:
        return self.resources.get("GPU", 0) > 0 and self.config.gpus_per_worker != 0

    @property
    def gpus_per_worker(self) -> float:
        return (
            float(self.has_gpu)
            if self.config.gpus_per_worker is None
            else (self.config.gpus_per_worker)
        )

    @property
    def num_workers(self) -> int:
        """One for every GPU share, or for every core where there are no GPUs."""
        cores, gpus = self.resources.get("CPU", 0), self.resources.get("GPU", 0)
        room = int(min(cores, gpus / self.gpus_per_worker if self.gpus_per_worker else cores))
        wanted = self.config.num_workers or room
        if wanted > room or room == 0:
            raise OrderError(
                f"cluster.num_workers={wanted}, but the Ray cluster has room for {room} ({cores:g} "
                f"cores, {gpus:g} GPUs, {self.gpus_per_worker:g} GPUs each); ask for fewer workers"
            )
        return wanted

    def start(self, spec: WorkerSpec) -> None:
        self.spec = spec
        for _ in range(self.num_workers):
            self._hire()
        try:
            ray.get(list(self.leases))
        except RayError as error:
            _raise_order_error(error)
            raise RunFailed(f"a worker could not be started: {_line(error)}") from error

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        waiting, failures = deque(shards), Counter[str]()
        idle: list[Actor] = []
        while waiting or any(lease.shard for lease in self.leases.values()):
            while waiting and idle:
                self._lease(idle.pop(), waiting.popleft())
            done, _ = ray.wait(list(self.leases), timeout=POLL_S)
            for ref in done:
                lease = self.leases.pop(ref)
                receipt = self._settle(ref, lease, waiting, failures, idle)
                if lease.shard is not None and receipt is not None:
                    on_receipt(lease.shard, receipt)
            on_progress(self._look())

    def _settle(
        self,
        ref: Ref,
        lease: _Lease,
        waiting: deque[Shard],
        failures: Counter[str],
        idle: list[Actor],
    ) -> Receipt | None:
        """Takes a lease back; a shard that failed waits in front, a lost actor is replaced."""
        self.in_hand.pop(lease.actor, None)
        try:
            receipt: Receipt | None = ray.get(ref)
            idle.append(lease.actor)
            return receipt
        except RayError as error:
            _raise_order_error(error)
            name = lease.shard.name if lease.shard else "(loading)"
            failures[name] += 1
            logger.warning("shard %s, attempt %d: %s", name, failures[name], _line(error))
            if failures[name] >= MAX_ATTEMPTS:
                raise RunFailed(
                    f"shard {name} failed {MAX_ATTEMPTS} times, last with: {_line(error)}; what is "
                    "committed stays, the same command goes on from there"
                ) from error
            if lease.shard is not None:
                waiting.appendleft(lease.shard)
            if isinstance(error, RayTaskError):
                idle.append(lease.actor)
            else:
                ray.kill(lease.actor)
                self._hire()
            return None

    def _hire(self) -> None:
        options = {
            "num_cpus": 1,
            "num_gpus": self.gpus_per_worker,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 2,
        }
        actor = ray.remote(WorkerShell).options(**options).remote(self.spec)
        self.leases[actor.load.remote()] = _Lease(actor, None)

    def _lease(self, actor: Actor, shard: Shard) -> None:
        self.leases[actor.run_shard.remote(shard)] = _Lease(actor, shard)

    def _look(self) -> Progress:
        """What the shards in hand have come to, as far as their actors have answered."""
        busy = {lease.actor for lease in self.leases.values() if lease.shard is not None}
        asked = set(self.looks.values())
        for actor in busy - asked:
            self.looks[actor.progress.remote()] = actor
        answered, _ = ray.wait(list(self.looks), num_returns=len(self.looks), timeout=0)
        for ref in answered:
            actor = self.looks.pop(ref)
            try:
                progress = ray.get(ref)
            except (RayActorError, RaySystemError):
                continue
            if actor in busy:
                self.in_hand[actor] = progress
        return sum(self.in_hand.values(), Progress())


def _connect(address: str | None) -> None:
    """Joins the cluster at ``address``, or starts one on this machine."""
    own = {
        "address": "local",
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    try:
        ray.init(
            **({"address": address} if address else own),
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OrderError(
            f"cluster.address={address}: no Ray cluster answers ({_line(error)}); start one with "
            "`ray start --head`, or leave cluster.address out to start one here"
        ) from error


def _raise_order_error(error: RayError) -> None:
    """What a worker says of a bad order arrives wrapped in its traceback; the line is enough."""
    if isinstance(error, RayTaskError) and isinstance(error.cause, OrderError):
        raise error.cause from None


def _line(error: BaseException) -> str:
    cause = error.cause if isinstance(error, RayTaskError) else error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:300]
