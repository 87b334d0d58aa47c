"""The Ray driver: joins or starts a cluster, hires a worker a GPU or core, leases shards."""

import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from longriver.engine.errors import OrderError
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.crew import Beat, Done, Event, Left, Lost, Pulse, Up, WorkerId
from longriver.pipeline.dispatcher import Limits
from longriver.pipeline.drain import Drain, Drained
from longriver.pipeline.foreman import Foreman, Staff
from longriver.pipeline.head_watch import HeadWatch
from longriver.pipeline.lease import Lease
from longriver.pipeline.one_line import one_line
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import WorkerShell, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt

KNOCK_S = 10.0
"""So long a cluster's address has to answer."""

RAY_WAITS = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Ray ends a process whose head has been away for so long."""

OBJECT_STORE_BYTES = 100 << 20
"""Only leases and receipts, about a kilobyte each, cross Ray's object store."""

LOOK = "look"
"""The thread of an actor that answers while its main thread is at a shard."""

LOOK_EVERY_S = 0.5

Actor = Any
Ref = Any


class _WorkerActor(WorkerShell):
    """A shell with a thread of its own for questions; Ray Client knows no other way to say so."""

    def node(self) -> str:
        return str(ray.get_runtime_context().get_node_id())

    @ray.method(concurrency_group=LOOK)
    def pulse(self) -> Pulse:
        return super().pulse()

    @ray.method(concurrency_group=LOOK)
    def drop(self, lease_name: str) -> None:
        super().drop(lease_name)

    @ray.method(concurrency_group=LOOK)
    def leave(self) -> None:
        super().leave()


@dataclass(eq=False, slots=True)
class _Hired:
    """An actor; its node, once it is up, and a question how far it is that is not answered yet."""

    actor: Actor
    node: str | None = None
    look: Ref | None = None


class RayCrew:
    """Actors with an engine each; Ray retries nothing.

    Args:
        options: what every actor asks of the cluster, in Ray's words.
        watch:   of the cluster's head; None: whoever joined it sees to it.
    """

    def __init__(
        self, spec: WorkerSpec, options: dict[str, object], watch: HeadWatch | None = None
    ) -> None:
        self.actor_class = ray.remote(**options)(_WorkerActor)
        self.watch = watch
        self.spec = spec
        self.hired: dict[WorkerId, _Hired] = {}
        self.tasks: dict[Ref, tuple[WorkerId, Lease | None]] = {}
        self.num_hired = 0
        self.looked_s = 0.0

    def hire(self) -> WorkerId:
        self.num_hired += 1
        actor = self.actor_class.remote(self.spec)
        self.hired[self.num_hired] = _Hired(actor)
        self.tasks[actor.load.remote()] = self.num_hired, None
        return self.num_hired

    def lease(self, worker: WorkerId, lease: Lease) -> None:
        self.tasks[self.hired[worker].actor.run_shard.remote(lease)] = worker, lease

    def drop(self, worker: WorkerId, lease: Lease) -> None:
        self.hired[worker].actor.drop.remote(lease.name)

    def drain(self, worker: WorkerId) -> None:
        self.hired[worker].actor.leave.remote()

    def dismiss(self, worker: WorkerId) -> None:
        ray.kill(self.hired.pop(worker).actor)
        self.tasks = {task: who for task, who in self.tasks.items() if who[0] != worker}

    def dismiss_all(self) -> None:
        for worker in list(self.hired):
            self.dismiss(worker)

    def events(self, timeout_s: float) -> list[Event]:
        if self.watch is not None:
            self.watch.check()
        self._look()
        ended, _ = ray.wait(list(self.tasks), timeout=timeout_s) if self.tasks else ([], [])
        found = [self._event(task, *self.tasks.pop(task)) for task in ended]
        return found + self._beats()

    def _event(self, task: Ref, worker: WorkerId, lease: Lease | None) -> Event:
        try:
            answer = ray.get(task)
        except RayError as error:
            cause = _cause(error)
            return Lost(worker, cause, isinstance(cause, Drained) or self._is_taken(worker, error))
        if lease is None:
            self.hired[worker].node, slow_step_s = answer
            return Up(worker, slow_step_s)
        return Left(worker, lease) if answer is None else Done(worker, lease, answer)

    def _is_taken(self, worker: WorkerId, error: RayError) -> bool:
        """Whether the worker's machine went, and the worker with it.

        An actor is unavailable as long as nobody can say what became of its node.
        """
        if isinstance(error, ActorUnavailableError):
            return True
        if not isinstance(error, RayActorError):
            return False
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        return bool(error.preempted) or self.hired[worker].node not in alive | {None}

    def _look(self) -> None:
        """Asks every worker how far it is, unless it still owes an answer."""
        now_s = time.monotonic()
        if now_s - self.looked_s < LOOK_EVERY_S:
            return
        self.looked_s = now_s
        for worker in {worker for worker, lease in self.tasks.values() if lease is not None}:
            if self.hired[worker].look is None:
                self.hired[worker].look = self.hired[worker].actor.pulse.remote()

    def _beats(self) -> list[Event]:
        asked = {hired.look: worker for worker, hired in self.hired.items() if hired.look}
        answered = ray.wait(list(asked), num_returns=len(asked), timeout=0)[0] if asked else []
        return [beat for look in answered if (beat := self._beat(asked[look], look)) is not None]

    def _beat(self, worker: WorkerId, look: Ref) -> Beat | None:
        """An answer; None where there is none, for a worker that died says so elsewhere."""
        self.hired[worker].look = None
        try:
            return Beat(worker, ray.get(look))
        except RayError:
            return None


class RayWorkforce:
    """A crew of Ray actors under a foreman.

    In a process that is connected to Ray already, that cluster is used and stays connected.
    """

    def __init__(self, config: ClusterConfig, drain: Drain) -> None:
        self.config, self.drain = config, drain
        self.crew: RayCrew | None = None
        self.watch: HeadWatch | None = None

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
        if self.watch is not None and self.watch.is_gone:
            return  # Ray would wait for it again; what is to be said comes first
        if self.crew is not None:
            self.crew.dismiss_all()
        if not self.is_guest:
            ray.shutdown()

    @property
    def has_gpu(self) -> bool:
        return self.resources.get("GPU", 0) > 0 and self.config.gpus_per_worker != 0

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        """Waits for the least number of workers as long as it takes, for the others a while."""
        staff = _staff(self.config, spec, self.resources)
        self.watch = None if self.is_guest else _watch(self.config.address)
        self.crew = RayCrew(spec, _options(self.config, spec), self.watch)
        self.foreman = Foreman(
            self.crew,
            RunFolder.open(spec.output_path, spec.output_options),
            staff,
            Limits(self.config.hang_timeout_s, self.config.max_crashed_documents),
            self.drain,
        )
        self.foreman.start(num_shards)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        with nullcontext() if self.watch is None else self.watch.explaining():
            self.foreman.work(shards, on_receipt, on_progress)


def _options(config: ClusterConfig, spec: WorkerSpec) -> dict[str, object]:
    return {
        "num_cpus": _cores_each(spec),
        "num_gpus": _gpus_each(config, spec),
        "max_restarts": 0,
        "max_task_retries": 0,
        "concurrency_groups": {LOOK: 1},
    }


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


def _watch(address: str | None) -> HeadWatch:
    """Of the head that this process has joined; a Ray Client sees no more than its server."""
    if address is None or not address.startswith("ray://"):
        address = str(ray.get_runtime_context().gcs_address)
    ray_waits_s = float(os.environ.get(RAY_WAITS, 60))
    return HeadWatch(address, partial(_knock, address), ray_waits_s / 2)


def _knock(address: str) -> None:
    """Raises OSError where nobody listens; Ray would try again for minutes, and loudly."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _staff(config: ClusterConfig, spec: WorkerSpec, resources: dict[str, float]) -> Staff:
    """What was ordered, else one for every GPU share, or core where no GPU is used.

    Only a cluster that may grow is asked for more workers than it has room for.
    """
    cores, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    cores_each, gpus_each = _cores_each(spec), _gpus_each(config, spec)
    room = int(cores // cores_each)
    if gpus_each:
        # a share lies on one GPU: two GPUs have room for four workers of 0.4, not for five
        room = min(room, int(gpus) * int(1 / gpus_each) if gpus_each < 1 else int(gpus / gpus_each))
    if config.max_workers is not None:
        return Staff(config.min_workers, config.max_workers)
    if not 1 <= (wanted := config.num_workers or room) <= room:
        raise OrderError(
            f"cluster.num_workers={config.num_workers or 'null'}, but the Ray cluster has room for "
            f"{room}: it has {cores:g} cores and {gpus:g} GPUs, a worker takes {cores_each} cores "
            f"and {gpus_each:g} GPUs; ask for fewer workers, add machines, or give "
            "cluster.max_workers for a cluster that grows by itself"
        )
    return Staff(1, wanted)


def _cores_each(spec: WorkerSpec) -> int:
    """As many as its threads where they do the reading."""
    threads = spec.engine.num_threads
    return threads if isinstance(threads, int) and spec.engine.device == "cpu" else 1


def _gpus_each(config: ClusterConfig, spec: WorkerSpec) -> float:
    if spec.engine.device == "cpu":
        return 0.0
    return 1.0 if config.gpus_per_worker is None else config.gpus_per_worker


def _cause(error: RayError) -> Exception:
    """What the worker's code raised, or what became of the worker."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    assert isinstance(cause, Exception)
    return cause
