"""The Ray driver: joins or starts a cluster, hires a worker a GPU or core, leases shards."""

import logging
import os
import socket
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayError, RayTaskError

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.damage import one_line
from longriver.pipeline.progress import Progress
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import WorkerShell, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt, ShardFailed

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""A shard that fails this often stops the run."""

POLL_S = 0.5
PATIENCE_S = 20.0
"""So long every worker is waited for at the start; then those that are up begin."""

KNOCK_S = 10.0
"""So long a cluster's address has to answer."""

OBJECT_STORE_BYTES = 100 << 20
"""Only leases and receipts, about a kilobyte each, cross Ray's object store."""

LOOK = "look"
"""The thread of an actor that answers while its main thread is at a shard."""

Actor = Any
Ref = Any


class _WorkerActor(WorkerShell):
    """A shell with a thread of its own for questions; Ray Client knows no other way to say so."""

    @ray.method(concurrency_group=LOOK)
    def progress(self) -> Progress:
        return super().progress()


@dataclass(eq=False, slots=True)
class _Hand:
    """A worker that has been hired.

    task:   what it is at: loading its engine first, then shards; None when it is idle.
    shard:  what it has on lease.
    look:   a question how far it is that has not been answered yet.
    so_far: the last answer.
    """

    actor: Actor
    task: Ref | None
    shard: Shard | None = None
    look: Ref | None = None
    so_far: Progress = field(default_factory=Progress)

    def lease(self, shard: Shard) -> None:
        self.shard, self.task = shard, self.actor.run_shard.remote(shard)

    def ask(self) -> None:
        self.look = self.actor.progress.remote()

    def settle(self) -> tuple[Ref, Shard | None]:
        """Becomes idle; returns what it was at."""
        task, shard = self.task, self.shard
        self.task = self.shard = self.look = None
        self.so_far = Progress()
        return task, shard


class RayWorkforce:
    """Actors with an engine each; every re-execution is the driver's own, Ray retries nothing.

    In a process that is connected to Ray already, that cluster is used and stays connected.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        self.hands: list[_Hand] = []
        self.failures: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self.is_guest = ray.is_initialized()
        if not self.is_guest:
            connect(self.config.address)
        self.resources: dict[str, float] = ray.cluster_resources()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hand in self.hands:
            ray.kill(hand.actor)
        self.hands.clear()
        if not self.is_guest:
            ray.shutdown()

    @property
    def has_gpu(self) -> bool:
        return self.resources.get("GPU", 0) > 0 and self.config.gpus_per_worker != 0

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        """Waits for every worker for a while, for one of them as long as it takes."""
        num_workers = min(_num_workers(self.config, spec, self.resources), num_shards)
        self.spec = spec
        self.hands = [self._hire() for _ in range(num_workers)]
        tasks = [hand.task for hand in self.hands]
        ready, late = ray.wait(tasks, num_returns=len(tasks), timeout=PATIENCE_S)
        if late:
            logger.warning(
                "%d of %d workers are not up after %g s: the cluster is busy, or loads slowly",
                len(late),
                len(tasks),
                PATIENCE_S,
            )
        for task in ready or ray.wait(tasks)[0]:
            try:
                ray.get(task)
            except RayError as error:
                raise _not_started(_cause(error)) from None

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        waiting = deque(shards)
        while waiting or any(hand.shard for hand in self.hands):
            self._hand_out(waiting)
            for hand in self._done():
                task, shard = hand.settle()
                try:
                    receipt = ray.get(task)
                except RayError as error:
                    self._replace(hand, shard, _cause(error))
                    waiting.extendleft([shard] if shard else [])
                else:
                    self.failures.pop(_name(shard), None)
                    if shard is not None:
                        on_receipt(shard, receipt)
            on_progress(self._look())

    def _hand_out(self, waiting: deque[Shard]) -> None:
        for hand in self.hands:
            if waiting and hand.task is None:
                hand.lease(waiting.popleft())

    def _done(self) -> list[_Hand]:
        """Waits a moment for a worker to end what it is at."""
        busy = {hand.task: hand for hand in self.hands if hand.task is not None}
        done, _ = ray.wait(list(busy), timeout=POLL_S)
        return [busy[task] for task in done]

    def _replace(self, hand: _Hand, shard: Shard | None, error: Exception) -> None:
        """Hires another worker whatever went wrong: after a CUDA error one is good for nothing."""
        _raise_ours(error)
        name = _name(shard)
        self.failures[name] += 1
        what = f"{name}, attempt {self.failures[name]} of {MAX_ATTEMPTS}"
        logger.warning("%s: %s: %s", what, type(error).__name__, one_line(error))
        if self.failures[name] == MAX_ATTEMPTS:
            raise ShardFailed(shard, error, MAX_ATTEMPTS) if shard else _not_started(error)
        ray.kill(hand.actor)
        self.hands[self.hands.index(hand)] = self._hire()

    def _hire(self) -> _Hand:
        options = {
            "num_cpus": _cores_each(self.spec),
            "num_gpus": _gpus_each(self.config, self.spec),
            "max_restarts": 0,
            "max_task_retries": 0,
            "concurrency_groups": {LOOK: 1},
        }
        actor = ray.remote(**options)(_WorkerActor).remote(self.spec)
        return _Hand(actor, actor.load.remote())

    def _look(self) -> Progress:
        """What the shards in hand have come to, as far as their workers have answered."""
        for hand in self.hands:
            if hand.shard is not None and hand.look is None:
                hand.ask()
        asked = {hand.look: hand for hand in self.hands if hand.look is not None}
        answered = ray.wait(list(asked), num_returns=len(asked), timeout=0)[0] if asked else []
        for look in answered:
            asked[look].look = None
            with suppress(RayError):
                asked[look].so_far = ray.get(look)
        return sum((hand.so_far for hand in self.hands), Progress())


def connect(address: str | None) -> None:
    """Joins the cluster at ``address``, or starts one on this machine, silently."""
    # what Ray will do by itself one day, and warns about until then
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if address is not None:
            _knock(address)
            ray.init(address, **quiet)
            return
        ray.init("local", include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        if address is None:
            raise OrderError(
                f"cluster.kind=ray: Ray cannot be started here ({reason}); use cluster.kind=local, "
                "or name a running cluster with cluster.address"
            ) from error
        raise OrderError(
            f"cluster.address={address}: no Ray cluster that can be joined ({reason}); start one "
            "with `ray start --head`, of the same Ray release and with the same RAY_AUTH_MODE, or "
            "leave cluster.address out to start one here"
        ) from error


def _knock(address: str) -> None:
    """Raises OSError where nobody listens; Ray would try again for minutes, and loudly."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _num_workers(config: ClusterConfig, spec: WorkerSpec, resources: dict[str, float]) -> int:
    """What was ordered, else one for every GPU share, or core where no GPU is used."""
    cores, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    cores_each, gpus_each = _cores_each(spec), _gpus_each(config, spec)
    room = int(cores // cores_each)
    if gpus_each:
        # a share lies on one GPU: two GPUs have room for four workers of 0.4, not for five
        room = min(room, int(gpus) * int(1 / gpus_each) if gpus_each < 1 else int(gpus / gpus_each))
    if not 1 <= (wanted := config.num_workers or room) <= room:
        raise OrderError(
            f"cluster.num_workers={config.num_workers or 'null'}, but the Ray cluster has room for "
            f"{room}: it has {cores:g} cores and {gpus:g} GPUs, a worker takes {cores_each} cores "
            f"and {gpus_each:g} GPUs; ask for fewer workers, or add machines"
        )
    return wanted


def _cores_each(spec: WorkerSpec) -> int:
    """As many as its threads where they do the reading."""
    threads = spec.engine.num_threads
    return threads if isinstance(threads, int) and spec.engine.device == "cpu" else 1


def _gpus_each(config: ClusterConfig, spec: WorkerSpec) -> float:
    if spec.engine.device == "cpu":
        return 0.0
    return 1.0 if config.gpus_per_worker is None else config.gpus_per_worker


def _name(shard: Shard | None) -> str:
    return f"shard {shard.name}" if shard else "start of a worker"


def _cause(error: RayError) -> Exception:
    """What the worker's code raised, or what became of the worker."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    assert isinstance(cause, Exception)
    return cause


def _raise_ours(error: Exception) -> None:
    """What a worker says in so many words needs no second try."""
    if isinstance(error, OrderError | RunFailed):
        raise error


def _not_started(error: Exception) -> RunFailed:
    _raise_ours(error)
    return RunFailed(
        f"a worker could not be started: {type(error).__name__}: {one_line(error)}; "
        "what is committed stays, the same command goes on from there"
    )
