"""Hugging Face's hub through ``huggingface_hub``, which is imported only when it is needed."""

import contextlib
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from longriver.engine.weights.hub import COMMIT, Listing, Unreachable
from longriver.engine.weights.source import Source, first_line

INSTALL = "pip install 'longriver[hub]'"


def hub_client(source: Source) -> "HubClient":
    """The hub that ``huggingface_hub`` is set up for.

    Raises:
        WeightsError: the package is not installed.
    """
    if find_spec("huggingface_hub") is None:
        raise source.wrong(f"needs a package: {INSTALL}")
    return _shared_client()


@functools.cache
def _shared_client() -> "HubClient":
    return HubClient()


class HubClient:
    """A hub and a cache; by default those of ``huggingface_hub``'s environment variables."""

    def __init__(self, endpoint: str | None = None, cache: Path | None = None) -> None:
        self.endpoint, self.cache = endpoint, cache
        self._commits: dict[tuple[str, str], Listing] = {}

    def listing(self, source: Source, repo: str, revision: str) -> Listing:
        """What a commit holds never changes, so the hub is asked for it once."""
        from huggingface_hub import HfApi

        if (repo, revision) in self._commits:
            return self._commits[repo, revision]
        with _told(source):
            info = HfApi(self.endpoint).model_info(repo, revision=revision)
        names = tuple(sibling.rfilename for sibling in info.siblings or ())
        if info.sha is None or not COMMIT.fullmatch(info.sha):
            raise source.wrong("has an answer of the hub without a commit; try again")
        self._commits[repo, info.sha] = Listing(info.sha, names)
        return self._commits[repo, info.sha]

    def kept(self, repo: str, revision: str) -> Listing | None:
        """Read from the cache's documented layout: refs/REVISION, snapshots/COMMIT/FILES."""
        commit = revision if COMMIT.fullmatch(revision) else self._known(repo, revision)
        folder = self._folder(repo) / "snapshots" / commit
        if not commit or not folder.is_dir():
            return None
        names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return Listing(commit, tuple(sorted(name.as_posix() for name in names)))

    def fetch(self, source: Source, repo: str, commit: str, name: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            with _told(source):
                place = hf_hub_download(
                    repo, name, revision=commit, cache_dir=self.cache, endpoint=self.endpoint
                )
        except Unreachable as error:
            raise source.wrong(
                f"cannot be downloaded ({name}: {first_line(error)}); try again, what is there is "
                "kept"
            ) from None
        return Path(place)

    def remember(self, repo: str, revision: str, commit: str) -> None:
        if revision in (commit, self._known(repo, revision)):
            return
        note = self._folder(repo) / "refs" / revision
        with contextlib.suppress(OSError):  # it only helps without a network
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(commit)

    def _known(self, repo: str, revision: str) -> str:
        note = self._folder(repo) / "refs" / revision
        found = note.read_text().strip() if note.is_file() else ""
        return found if COMMIT.fullmatch(found) else ""

    def _folder(self, repo: str) -> Path:
        from huggingface_hub.constants import HF_HUB_CACHE

        return Path(self.cache or HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


@contextmanager
def _told(source: Source) -> Iterator[None]:
    """Turns the hub's errors into one line each; what a network may be to blame for stays apart."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise source.wrong(
            "is gated; accept its terms on huggingface.co, then `hf auth login` or set HF_TOKEN"
        ) from None
    except errors.RepositoryNotFoundError:
        raise source.wrong(
            "is no repository on the hub, or a private one: see to its name, or set HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        raise source.wrong("names a revision that the repository does not have") from None
    except errors.HFValidationError as error:
        raise source.wrong(f"is no name on the hub ({first_line(error)})") from None
    except errors.LocalEntryNotFoundError as error:
        raise Unreachable(first_line(error)) from None
    except errors.EntryNotFoundError:
        raise source.wrong("lacks a file that it lists; try again") from None
    except PermissionError as error:
        raise source.wrong(
            f"cannot be kept in {error.filename} ({error.strerror}); set HF_HOME to a folder of "
            "yours"
        ) from None
    except Exception as error:  # the network, in the words of whichever HTTP library
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            raise source.wrong(
                f"cannot be kept in {error.filename} ({os.strerror(error.errno)}); make room, or "
                "set HF_HOME to another disk"
            ) from None
        raise Unreachable(f"{type(error).__name__}: {first_line(error)}") from None
