"""Added tokens: texts that are one token wherever they stand, found leftmost and longest first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Marks:
    """Added tokens found in a text.

    starts, ends, ids: [n], where each stands, and its id.
    used: so far no later byte can change what was found.
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    used: int


class AddedTokens:
    """Finds texts of any length in a document that comes in pieces."""

    def __init__(self, ids: Mapping[bytes, int]) -> None:
        self._ids = dict(ids)
        longest_first = sorted(self._ids, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))
        self._begun = {text[:size] for text in self._ids for size in range(1, len(text))}
        self._longest = max(map(len, self._ids), default=0)

    def find(self, data: bytes, *, is_end: bool) -> Marks:
        """What stands in ``data`` for sure; what could be a token's start is left for later."""
        if not self._ids:
            return _marks([], len(data))
        begun = [] if is_end else self._open(data)
        found: list[tuple[int, int, int]] = []
        used = 0
        for match in self._pattern.finditer(data):
            if _first_from(begun, used, len(data)) <= match.start():
                break
            used = match.end()
            found.append((match.start(), used, self._ids[match.group()]))
        return _marks(found, _first_from(begun, used, len(data)))

    def _open(self, data: bytes) -> list[int]:
        """Where a token could begin whose end is not here yet."""
        first = max(0, len(data) - self._longest + 1)
        return [at for at in range(first, len(data)) if data[at:] in self._begun]


def _first_from(places: list[int], start: int, otherwise: int) -> int:
    return next((place for place in places if place >= start), otherwise)


def _marks(found: list[tuple[int, int, int]], used: int) -> Marks:
    table = np.array(found, np.int64).reshape(-1, 3)
    return Marks(table[:, 0].copy(), table[:, 1].copy(), table[:, 2].astype(np.int32), used)
