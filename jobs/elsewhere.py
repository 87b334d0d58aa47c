"""What an order must be like to travel to another machine: no secrets, no paths from here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from longriver.jobs.complaint import ConfigError
from longriver.jobs.config import RunConfig
from longriver.jobs.keys import Key

NAMES: Mapping[str, frozenset[str]] = {
    "data.path": frozenset(),
    "output.path": frozenset(),
    "model.path": frozenset({"demo"}),
    "model.lora": frozenset(),
    "model.state": frozenset(),
    "model.tokenizer": frozenset({"auto", "world", "bytes"}),
    "model.vocab": frozenset(),
}
"""The keys that take paths, with what they take beside."""

REFERENCE = re.compile(r"\$\{oc\.env:([A-Za-z_][A-Za-z0-9_]*)\}")
"""A value by name; with a default it could have a secret in it after all."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.:\[\]_-]+/?")
"""A URL with nothing but a host and a port."""

PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@|https?://[^/\s@]+@")
"""In front of a host; other stores than the web's have names there that are none."""

SIGNATURE = re.compile(
    r"://\S*[?#&][\w.~%-]+=[^&\s'\"]"
    r"|https?://[^\s?#]*[?#](\S*&)?[^=&\s'\"]+(&|['\"]?$)"
)
"""Behind a path; other stores than the web's have globs, in which a ``?`` stands alone."""

CLUSTER = ("cluster", "cluster.kind", "cluster.address")
"""Keys whose values are others there."""


def words_for_submitting(overrides: Sequence[str], keys: Mapping[str, Key]) -> list[str]:
    """The overrides by which an order is judged here; only they have a group ``submit``.

    In texts, something stands for variables of the cluster's environment.
    """
    for word in overrides:
        if word.lstrip("+") in ("cluster=local", "cluster.kind=local"):
            raise ConfigError(
                f"{word} has no effect: a submitted order is done by Ray's workers; leave it out"
            )
    own = [_for_judging(word, keys) for word in overrides]
    return [*own, "cluster.kind=ray"]


def words_there(job: str, overrides: Sequence[str]) -> tuple[str, ...]:
    """The words for a driver that runs inside the cluster, references unread."""
    order = [word for word in overrides if not _is_for_here(word) and _key(word) not in CLUSTER]
    return (job, *order, "cluster.kind=ray", "cluster.address=auto")


def refuse_secrets(overrides: Sequence[str], composed: Mapping[Any, Any]) -> None:
    """Raises ConfigError where a secret would travel: the words of a job are there for all to read.

    Args:
        composed: the order, with its references unread.
    """
    for word in overrides:
        key, written = _key(word), REFERENCE.sub("", word)
        if PASSWORD.search(written):
            raise ConfigError(f"{key} has a password in it, {_for_all_to_read(key)}")
        if key in NAMES and SIGNATURE.search(written):
            raise ConfigError(
                f"{key} has something behind its path that can be a signature or a token, "
                f"{_for_all_to_read(key)}"
            )
    for part in ("data", "output"):
        options = composed[part]
        assert isinstance(options, Mapping)
        for name, value in _leaves(options.get("storage_options")):
            if not _may_be_read_by_all(value):
                raise ConfigError(
                    f"{part}.storage_options has a value for {name} that would travel for all to "
                    f"read; name an environment variable of the cluster: {name}:${{oc.env:NAME}}"
                )


def refuse_paths_from_here(config: RunConfig) -> None:
    """Raises ConfigError for a path that depends on where one stands."""
    for key, names in NAMES.items():
        part, _, name = key.partition(".")
        path = getattr(getattr(config, part), name)
        if path is not None and path not in names and not _is_absolute(path):
            raise ConfigError(
                f"{key}={path} depends on where one stands, and the job stands elsewhere; give "
                f"the full path or URL as the cluster sees it, such as {key}=/full/path or "
                f"{key}=s3://bucket/…"
            )


def _for_all_to_read(key: str) -> str:
    part = key.partition(".")[0]
    options = f", or give its keys by {part}.storage_options" if part in ("data", "output") else ""
    return (
        "and a job's command line is there for all to read; name an environment variable of the "
        f"cluster that holds the whole of it, as in '{key}=${{oc.env:NAME}}'{options}"
    )


def _leaves(options: object, name: str = "the whole of it") -> Iterator[tuple[str, object]]:
    if isinstance(options, Mapping):
        for key, value in options.items():
            yield from _leaves(value, str(key))
    elif isinstance(options, list):
        for value in options:
            yield from _leaves(value, name)
    else:
        yield name, options


def _may_be_read_by_all(value: object) -> bool:
    """Switches, addresses and names; a number may be a password too."""
    if isinstance(value, str):
        return bool(REFERENCE.fullmatch(value) or ADDRESS.fullmatch(value))
    return value is None or isinstance(value, bool)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or "://" in path


def _for_judging(word: str, keys: Mapping[str, Key]) -> str:
    key = _key(word)
    if _is_for_here(word):
        return f"++{word.lstrip('+')}"
    if key in keys and keys[key].is_text and key not in CLUSTER:
        return REFERENCE.sub(r"/\1", word)
    return word


def _is_for_here(word: str) -> bool:
    return _key(word).startswith("submit.")


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]
