"""``hf://owner/name[@revision][/file]``: Hugging Face's hub, downloaded once and pinned."""

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import quote, unquote

from longriver.engine.weights.folder import gathered
from longriver.engine.weights.source import Source, first_line

SCHEME = "hf://"
COMMIT = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(
    r"(?P<repo>[\w.-]{1,96}/[\w.-]{1,96})(@(?P<revision>[^/@]+))?(/(?P<file>.+))?", re.ASCII
)


class Unreachable(Exception):
    """The hub does not answer; what was downloaded before can still be used."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A commit of a repository: its sha, and the names of its files."""

    commit: str
    names: tuple[str, ...]


class Client(Protocol):
    """As much of the hub as is needed; every method may raise ``WeightsError``."""

    def listing(self, source: Source, repo: str, revision: str) -> Listing:
        """Asks the hub; raises ``Unreachable`` where it does not answer."""
        ...

    def kept(self, repo: str, revision: str) -> Listing | None:
        """What was downloaded before, of a commit, branch or tag."""
        ...

    def fetch(self, source: Source, repo: str, commit: str, name: str) -> Path:
        """Where a file lies now; downloads it if it is not there yet."""
        ...

    def remember(self, repo: str, revision: str, commit: str) -> None:
        """Notes which commit a branch or tag was, for ``kept`` without a network."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed ``hf://`` path; ``file`` is None for what the repository as a whole is."""

    repo: str
    revision: str
    file: str | None

    @staticmethod
    def parse(source: Source) -> "Reference":
        match = REPOSITORY.fullmatch(source.value.removeprefix(SCHEME))
        file = match["file"] if match else None
        revision = unquote(match["revision"] or "main") if match else ""
        if match is None or not all(map(_is_plain, [revision, *([file] if file else [])])):
            raise source.wrong("is not hf://owner/name[@revision][/file]")
        return Reference(match["repo"], revision, file)

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        return f"{SCHEME}{self.repo}@{quote(self.revision, safe='')}{file}"


@dataclass(frozen=True, slots=True)
class Download:
    """What ``hf://`` came to: a file, or the folder with the files that are needed."""

    place: Path
    pinned: str


def download(source: Source, client: Client) -> Download:
    """Makes everything that is needed local, in the hub's own cache.

    Raises:
        WeightsError: no such repository, revision or file; no access; no network and nothing kept.
    """
    reference = Reference.parse(source)
    found = _listing(source, reference, client)

    def fetch(name: str) -> Path:
        return client.fetch(source, reference.repo, found.commit, name)

    if reference.file is None:
        place = gathered(source, [name for name in found.names if "/" not in name], fetch)
    else:
        _require_listed(source, reference.file, found.names)
        place = fetch(reference.file)
    client.remember(reference.repo, reference.revision, found.commit)
    return Download(place, str(replace(reference, revision=found.commit)))


def _require_listed(source: Source, file: str, names: tuple[str, ...]) -> None:
    if file not in names:
        some = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise source.wrong(f"names a file that the repository lacks; it has {some}")


def _listing(source: Source, reference: Reference, client: Client) -> Listing:
    try:
        return client.listing(source, reference.repo, reference.revision)
    except Unreachable as error:
        kept = client.kept(reference.repo, reference.revision)
        if kept is not None:
            return kept
        raise source.wrong(
            f"is not in the cache, and the hub cannot be reached ({first_line(error)}); download "
            "it where there is a network, or name a local path"
        ) from None


def _is_plain(path: str) -> bool:
    is_simple = path.isprintable() and not {"\\", ":"} & set(path) and not path.startswith("/")
    return is_simple and str(PurePosixPath(path)) == path and ".." not in path.split("/")
