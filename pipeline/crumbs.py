"""What a worker that dies leaves behind: which documents it may have had in hand.

Every attempt at a shard writes ``crumbs/SHARD/LEASE.json`` when it begins, and takes it away when
it ends, well or badly, as long as the process lives. A crumb whose lease has ended is a death.

1. Behind the first death the shard is read with care: before documents are opened, the crumb names
   them.
2. Behind the second, the documents that were named are suspects. Each is read alone, with nothing
   else in the engine, and the crumb names it alone.
3. A document that was alone when its worker died is convicted: a dead letter, ``worker_crash``. Its
   neighbours are done. If even passing over it kills, the piece of its file is the dead letter.

An attempt whose machine has been started anew since then was ended by that, not by a document.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import Self

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.drain import Drained, Dropped
from longriver.pipeline.lock_holder import this_boot
from longriver.pipeline.one_line import one_line
from longriver.pipeline.run_folder import RunFolder

HARMLESS = (Drained, Dropped, OrderError, RunFailed, OSError)
REASON = "worker_crash"
"""Of the dead letters of documents that kill."""

ALONE = "it was read alone when its worker {}"


@dataclass(frozen=True, slots=True)
class Crumb:
    """What one attempt had in hand when it was last heard of.

    documents: places of the documents that may have been open.
    is_alone:  there was one, alone in the engine.
    error:     what the worker said at the end, None where it had no time to.
    boot:      host, and which of its lives; None where unknown.
    """

    documents: tuple[int, ...] = ()
    is_alone: bool = False
    error: str | None = None
    boot: tuple[str, str] | None = field(default_factory=this_boot)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Crumb":
        """A torn crumb still tells of a death."""
        try:
            record = json.loads(data)
            documents = tuple(int(place) for place in record["documents"])
            boot = record["boot"] and (str(record["boot"][0]), str(record["boot"][1]))
            return cls(documents, bool(record["is_alone"]), record["error"], boot)
        except (ValueError, KeyError, TypeError, IndexError):
            return cls(boot=None)

    def is_death(self, boot: tuple[str, str] | None) -> bool:
        """Whether its worker died of something else than the end of the machine's life.

        Args:
            boot: this machine's, in this life.
        """
        if self.boot is None or boot is None or self.boot[0] != boot[0]:
            return True
        return self.boot == boot


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the deaths at a shard say.

    has_deaths: the shard is to be read with care.
    suspects:   documents to be read alone.
    convicted:  documents that are dead letters, by place, and how each was found out.
    unreadable: convicted documents that killed even when they were only passed over.
    """

    has_deaths: bool = False
    suspects: frozenset[int] = frozenset()
    convicted: Mapping[int, str] = field(default_factory=dict)
    unreadable: frozenset[int] = frozenset()

    @property
    def num_findings(self) -> int:
        """How much the deaths have taught: while this rises, trying again is worth while."""
        return len(self.convicted) + len(self.unreadable)


def judge(crumbs: Sequence[Crumb]) -> Verdict:
    """Judges a shard by the crumbs of all its ended attempts, in any order."""
    deaths: dict[int, list[Crumb]] = {}
    for crumb in crumbs:
        for place in crumb.documents if crumb.is_alone else ():
            deaths.setdefault(place, []).append(crumb)
    named = {place for crumb in crumbs for place in crumb.documents}
    return Verdict(
        has_deaths=bool(crumbs),
        suspects=frozenset(named - deaths.keys()),
        convicted={place: _detail(found) for place, found in deaths.items()},
        unreadable=frozenset(place for place, found in deaths.items() if len(found) > 1),
    )


def _detail(crumbs: Iterable[Crumb]) -> str:
    said = [crumb.error for crumb in crumbs if crumb.error is not None]
    return ALONE.format(f"failed with {said[0]}" if said else "died")


@dataclass(frozen=True, slots=True)
class Crumbs:
    """The crumbs of one shard."""

    folder: RunFolder
    shard: str

    def verdict(self, living: Iterable[str]) -> Verdict:
        """Judges the attempts that have ended; ``living`` names the leases that may not have."""
        alive = {f"{lease}.json" for lease in living}
        paths = [path for path in self._paths() if path.rpartition("/")[2] not in alive]
        crumbs = [Crumb.from_json(self.folder.fs.cat_file(path)) for path in paths]
        boot = this_boot()
        return judge([crumb for crumb in crumbs if crumb.is_death(boot)])

    def leave(self, lease: str, crumb: Crumb) -> None:
        """Writes the lease's crumb, over the one before."""
        self.folder.fs.makedirs(self._root, exist_ok=True)
        self.folder.fs.pipe_file(self._path(lease), crumb.to_json())

    def take_away(self, lease: str) -> None:
        """For an attempt that ended without a death."""
        with suppress(FileNotFoundError):
            self.folder.fs.rm_file(self._path(lease))

    def clear(self) -> None:
        """For a shard that is committed."""
        for path in self._paths():
            with suppress(FileNotFoundError):
                self.folder.fs.rm_file(path)

    @property
    def _root(self) -> str:
        return self.folder.path("crumbs", self.shard)

    def _path(self, lease: str) -> str:
        return f"{self._root}/{lease}.json"

    def _paths(self) -> list[str]:
        fs = self.folder.fs
        fs.invalidate_cache(self._root)
        try:
            found = fs.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        return sorted(path for path in found if path.endswith(".json"))


class Trail:
    """The crumb of one attempt, from its beginning to its end; a context manager.

    An error that says nothing against any document takes the crumb away, any other is noted in it.
    """

    def __init__(self, crumbs: Crumbs, lease: str) -> None:
        self.crumbs, self.lease = crumbs, lease
        self.current = Crumb()

    def leave(self, crumb: Crumb) -> None:
        if crumb != self.current:
            self.current = crumb
            self.crumbs.leave(self.lease, crumb)

    def __enter__(self) -> Self:
        self.crumbs.leave(self.lease, self.current)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        if isinstance(error, Exception) and not isinstance(error, HARMLESS):
            said = f"{type(error).__name__}: {one_line(error)}"
            self.leave(replace(self.current, error=said))
        else:
            self.crumbs.take_away(self.lease)
