"""Who is at work on a run folder, and what is in hand there, as far as storage tells."""

from collections.abc import Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from longriver.pipeline.crumbs import Crumb, judge
from longriver.pipeline.lock_holder import Holder, Pulse
from longriver.pipeline.run_folder import LOCK, RunFolder
from longriver.pipeline.snapshot_file import FOLDER, NAME, SnapshotFile

NUM_READERS = 16
MAX_IN_FLIGHT = 100
"""Documents whose snapshots are looked into, those with the most tokens."""


@dataclass(frozen=True, slots=True)
class Driver:
    """The holder of the run's lock.

    is_alive: None where that cannot be told, as from another machine.
    """

    host: str
    pid: int
    since: str
    is_alive: bool | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A shard that is not committed, with what its crumbs say.

    num_attempts: begun and not ended. Each is a death, but for the one or two that are in hand
                  while a driver is at work; the other figures take all for deaths.
    """

    shard: str
    num_attempts: int
    num_suspects: int
    num_convicted: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """A document that is saved half-way; ``num_tokens`` of it are done."""

    shard: str
    document_id: str
    num_tokens: int


def read_driver(folder: RunFolder, paths: Iterable[str]) -> Driver | None:
    """Who holds the lock, None where nobody does; ``paths`` are those of the run folder's files."""
    locks = sorted(path for path in paths if path.startswith(f"{LOCK}/") and path[-5:] == ".json")
    for path in reversed(locks):
        with suppress(FileNotFoundError, ValueError):
            holder = Holder.from_json(folder.fs.cat_file(folder.path(path)))
            known = {Pulse.ALIVE: True, Pulse.GONE: False, Pulse.UNKNOWN: None}
            return Driver(holder.host, holder.pid, holder.since, known[holder.pulse])
    return None


def read_troubles(
    folder: RunFolder, paths: Iterable[str], committed: Container[str]
) -> tuple[Trouble, ...]:
    """By the crumbs of shards that are not committed."""
    by_shard: dict[str, list[str]] = {}
    for path in paths:
        kind, _, rest = path.partition("/")
        shard, _, name = rest.partition("/")
        if kind == "crumbs" and name.endswith(".json") and shard not in committed:
            by_shard.setdefault(shard, []).append(path)

    def read(shard: str) -> Trouble | None:
        verdict = judge(crumbs := _crumbs(folder, by_shard[shard]))
        suspects, convicted = len(verdict.suspects), len(verdict.convicted)
        return Trouble(shard, len(crumbs), suspects, convicted) if crumbs else None

    with ThreadPoolExecutor(NUM_READERS) as pool:
        return tuple(found for found in pool.map(read, sorted(by_shard)) if found is not None)


def read_in_flight(
    folder: RunFolder, paths: Iterable[str], committed: Container[str]
) -> tuple[InFlight, ...]:
    """The newest snapshot of each document of shards that are not committed, most tokens first."""
    newest: dict[tuple[str, int], tuple[int, str]] = {}
    for path in paths:
        folder_name, _, name = path.rpartition("/")
        kind, _, shard = folder_name.partition("/")
        match = NAME.fullmatch(name)
        if kind == FOLDER and match and shard not in committed:
            key, found = (shard, int(match[1])), (int(match[2]), path)
            newest[key] = max(newest.get(key, found), found)
    largest = sorted(newest.values(), reverse=True)[:MAX_IN_FLIGHT]
    with ThreadPoolExecutor(NUM_READERS) as pool:
        read = pool.map(lambda item: _in_flight(folder, item[1]), largest)
        return tuple(found for found in read if found is not None)


def _crumbs(folder: RunFolder, paths: Iterable[str]) -> list[Crumb]:
    """Those that are still there: an attempt may end, or its shard be committed, meanwhile."""
    found: list[Crumb] = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(Crumb.from_json(folder.fs.cat_file(folder.path(path))))
    return found


def _in_flight(folder: RunFolder, path: str) -> InFlight | None:
    """None for one that is gone by now, or not whole."""
    with suppress(FileNotFoundError, ValueError):
        file = SnapshotFile.from_json(folder.fs.cat_file(folder.path(path)))
        return InFlight(file.shard, file.document[0], file.num_tokens)
    return None
