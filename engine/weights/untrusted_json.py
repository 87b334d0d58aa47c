"""Reads JSON files that others wrote, refusing whatever is not plain and small."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from longriver.engine.weights.source import Source, first_line, shown

MAX_BYTES = 16 << 20
"""The index of a checkpoint with 61 layers has a third of a megabyte."""


def read_object(source: Source, file: Path) -> dict[str, object]:
    """The JSON object in a file.

    Raises:
        WeightsError: no such file, too large, no JSON, a key twice, or a number that is none.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise source.wrong(f"has more than {MAX_BYTES >> 20} MiB; that is no configuration")
        found = json.loads(
            file.read_bytes(), object_pairs_hook=_without_doubles, parse_constant=_refuse
        )
    except OSError as error:
        raise source.wrong(f"cannot be read ({error.strerror}); see to the file") from None
    except (ValueError, RecursionError) as error:
        raise source.wrong(f"is no whole JSON ({first_line(error)}); download it again") from None
    if not isinstance(found, dict):
        raise source.wrong(f"holds {shown(found)}, no JSON object; download it again")
    return found


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {shown(double)} is there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
