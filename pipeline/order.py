"""What a run folder was ordered to hold, and whether a new order is the same."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version

from longriver.engine.errors import PlanMismatch
from longriver.pipeline.table import DEAD, Table

FORMAT_VERSION = 1
"""Of the run folder's layout; a change that old readers would misread raises it."""


def longriver_version() -> str:
    return version("longriver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The content of run.json.

    created_at:   when the run was started, ISO 8601 in UTC.
    order:        the whole configuration as it was given; the caller leaves secrets out.
    fingerprints: sha256 of ``model``, ``tokenizer`` and ``inputs``.
    semantic:     the settings that change results, by dotted key, as JSON values; the other
                  settings may change between restarts.
    tables:       what is written: column types by column by table, see ``recorded``.
    """

    created_at: str
    order: Mapping[str, object]
    fingerprints: Mapping[str, str]
    semantic: Mapping[str, object]
    tables: Mapping[str, Mapping[str, str]]
    longriver_version: str = field(default_factory=longriver_version)
    format_version: int = FORMAT_VERSION

    @property
    def semantic_sha256(self) -> str:
        return sha256(_canonical(self.semantic).encode()).hexdigest()

    @property
    def metadata(self) -> dict[str, str]:
        """What every result file says of its origin; no clock and no machine has a part in it."""
        prints = {f"longriver.{name}_sha256": value for name, value in self.fingerprints.items()}
        return prints | {
            "longriver.version": longriver_version(),
            "longriver.order": _canonical(self.semantic),
            "longriver.order_sha256": self.semantic_sha256,
        }

    def to_json(self) -> bytes:
        record = asdict(self) | {"semantic_sha256": self.semantic_sha256}
        return json.dumps(record, indent=2, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Order":
        """Raises ValueError when the data are no such record."""
        record = json.loads(data)
        if not isinstance(record, dict):
            raise ValueError("it is not a JSON object")
        if record.get("format_version") != FORMAT_VERSION:
            found = record.get("format_version")
            raise ValueError(
                f"its format_version is {found}, this longriver reads {FORMAT_VERSION}"
            )
        record.pop("semantic_sha256", None)
        try:
            return cls(**record)
        except TypeError as error:
            raise ValueError(str(error)) from error


def recorded(tables: Iterable[Table]) -> dict[str, dict[str, str]]:
    """``Order.tables`` for a job's tables; the dead-letter table is always there."""
    return {table.name: {c.name: c.type for c in table.columns} for table in (*tables, DEAD)}


def check_same_order(url: str, started: Order, new: Order) -> None:
    """Raises PlanMismatch, with both values, at the first difference that would change results."""
    old = dict(_settings(started.semantic, new.semantic))
    now = dict(_settings(new.semantic, started.semantic))
    for key in _differing(old, now):
        raise _mismatch(url, key, old, now, "value")
    for name in _differing(started.fingerprints, new.fingerprints):
        raise _mismatch(url, name, started.fingerprints, new.fingerprints, name)


def _settings(
    values: Mapping[str, object], others: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Each by its own key, also those of a job that both orders have among the jobs of a pass."""
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(others.get(key), Mapping):
            yield from ((f"{key}.{name}", each) for name, each in value.items())
        else:
            yield key, value


def _mismatch(
    url: str, key: str, old: Mapping[str, object], new: Mapping[str, object], what: str
) -> PlanMismatch:
    return PlanMismatch(
        f"{url} was started with {key}={_shown(old, key)}, this order says {_shown(new, key)}; "
        f"use another output.path, or the old {what}"
    )


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """First what both have, such as the kind of the job: the rest may follow from that."""
    shared = old.keys() & new.keys()
    keys = [*sorted(shared), *sorted((old.keys() | new.keys()) - shared)]
    return [key for key in keys if _shown(old, key) != _shown(new, key)]


def _shown(values: Mapping[str, object], key: str) -> str:
    if key not in values:
        return "(not set)"
    value = values[key]
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return f"sha256:{value[:16]}…"
    return "{…}" if isinstance(value, Mapping) else _canonical(value)


def _canonical(value: object) -> str:
    plain = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
