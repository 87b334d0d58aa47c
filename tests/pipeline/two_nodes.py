"""A Ray cluster of two nodes on this machine, and what may happen to it during a run.

A program of its own, because a process can join one Ray only; ``test_two_nodes`` runs it. Its
arguments are names of scenes, by default all.
"""

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver import RayWorkforce
from longriver.pipeline.progress import Progress, SilentReporter
from longriver.pipeline.session import Session
from longriver.pipeline.verify import verify
from tests.orders import begin, file_hashes, order_of, write_texts

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}


class Told(logging.Handler):
    """Keeps what the house says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def has(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.lines)


Act = Callable[[], None]
Cue = Callable[[], bool]


class Prompter(SilentReporter):
    """Lets things happen at their cues, in the driver's own thread.

    Args:
        first: happens when the first shard is committed.
        later: happen behind it, each at its cue.
    """

    def __init__(self, first: Act, later: tuple[tuple[Cue, Act], ...]) -> None:
        self.first, self.later = first, later
        self.to_come: list[tuple[Cue, Act]] = [(lambda: self.num_shards >= 1, first), *later]
        self.num_shards = 0

    def update(self, session: Progress) -> None:
        self.num_shards = session.num_shards
        if self.to_come and self.to_come[0][0]():
            self.to_come.pop(0)[1]()


class Stage:
    """The cluster, the texts, and a run at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, Told()
        self.texts = write_texts(folder / "texts", num_files=6, num_sentences=500)
        self.cluster = Cluster(initialize_head=True, head_node_args=NODE)
        ray.init(address=self.cluster.address, logging_level="CRITICAL", log_to_driver=False)
        logging.getLogger("longriver").addHandler(self.told)

    def play(self, name: str, order: ClusterConfig, first: Act, *later: tuple[Cue, Act]) -> Session:
        """A run during which things happen; checks that nothing is lost or doubled."""
        self.told.lines.clear()
        session, spec = begin(order_of(self.texts, self.folder / name))
        prompter = Prompter(first, later)
        with RayWorkforce(order, Drain()) as workforce:
            session.work(workforce, spec, prompter)
        assert not prompter.to_come, "it was over before everything had happened"
        planned = {shard.name: shard.num_rows for shard in session.plan.shards}
        problems = verify(session.folder, planned).problems
        assert not problems, problems
        print(f"{name}: whole", flush=True)
        return session

    def hashes(self, name: str) -> object:
        return file_hashes(self.folder / name)


def worker_pids() -> list[int]:
    """Processes of our actors, and not those of another Ray on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        pid = int(path.parent.name)
        with suppress(OSError):
            if path.read_bytes().startswith(b"ray::_WorkerActor") and is_descendant(pid):
                found.append(pid)
    return found


def is_descendant(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def signal_worker(number: signal.Signals) -> int:
    """Sends the only worker a signal."""
    [pid] = worker_pids()
    os.kill(pid, number)
    return pid


def grow(stage: Stage) -> None:
    """A node that joins during the run is put to work."""
    nodes = []
    order = ClusterConfig(kind="ray", max_workers=2)
    session = stage.play("grown", order, lambda: nodes.append(stage.cluster.add_node(**NODE)))
    assert len({receipt.worker for receipt in session.receipts().values()}) == 2
    stage.cluster.remove_node(nodes[0])


def lose_a_node(stage: Stage) -> None:
    """A machine that goes down takes nothing with it, and no document is blamed for it."""
    node = stage.cluster.add_node(**NODE)
    order = ClusterConfig(kind="ray", max_workers=2)
    stage.play("lost", order, lambda: stage.cluster.remove_node(node, allow_graceful=False))
    assert stage.told.has("Actor", "Error"), stage.told.lines
    assert not stage.told.has("attempt 1 of"), stage.told.lines


def freeze(stage: Stage) -> None:
    """A worker that stands still is given up; should it wake up, its commit comes too late."""
    frozen: list[int] = []

    def wake() -> None:
        with suppress(ProcessLookupError):
            os.kill(frozen[0], signal.SIGCONT)

    stage.play(
        "frozen",
        ClusterConfig(kind="ray", hang_timeout_s=3),
        lambda: frozen.append(signal_worker(signal.SIGSTOP)),
        (lambda: stage.told.has("stood still"), wake),
    )


def take_back(stage: Stage) -> None:
    """A worker that gets SIGTERM, as on spot machines, leaves in order and is replaced."""
    order = ClusterConfig(kind="ray")
    stage.play("taken-back", order, lambda: print(signal_worker(signal.SIGTERM)))
    assert stage.told.has("the worker was asked to leave its machine"), stage.told.lines


SCENES = {"lose": lose_a_node, "freeze": freeze, "take-back": take_back, "grow": grow}


def main() -> None:
    names = sys.argv[1:] or SCENES
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        for name in names:
            SCENES[name](stage)
        tables = [
            stage.hashes(path.name) for path in Path(folder).iterdir() if path.name != "texts"
        ]
        assert all(table == tables[0] for table in tables)
        print("all runs gave the same bytes")
        ray.shutdown()
        stage.cluster.shutdown()


if __name__ == "__main__":
    main()
