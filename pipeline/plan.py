"""Cutting the input into shards: pure, so that the same pieces always give the same plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from longriver.pipeline.shard import Piece, Shard

MAX_ROWS = 20_000
"""Most rows in a shard, which bounds what waits for a slow document to be written in order."""

SMALLEST_AUTO, LARGEST_AUTO = 256 << 10, 64 << 20
AUTO_SHARDS = 512


@dataclass(frozen=True, slots=True)
class Plan:
    """The shards of a run, in order.

    shard_bytes: what the input was cut by.
    fingerprint: sha256 over names, sizes and versions of the input files.
    """

    shards: tuple[Shard, ...]
    shard_bytes: int
    fingerprint: str

    @property
    def num_bytes(self) -> int:
        return sum(shard.num_bytes for shard in self.shards)


def resolve_shard_bytes(ordered: int | Literal["auto"], num_bytes: int) -> int:
    """``auto`` makes about ``AUTO_SHARDS`` shards, none too small to be worth a commit."""
    if ordered != "auto":
        return ordered
    return min(max(num_bytes // AUTO_SHARDS, SMALLEST_AUTO), LARGEST_AUTO)


def cut(pieces: Iterable[Piece], shard_bytes: int) -> list[Shard]:
    """Fills shards with pieces in order, each to at most ``shard_bytes`` and ``MAX_ROWS``.

    A piece is never split; one above a limit has a shard of its own.
    """
    shards: list[Shard] = []
    filling: list[Piece] = []
    num_bytes = num_rows = 0
    for piece in pieces:
        rows = 1 if piece.num_rows is None else piece.num_rows
        if filling and (num_bytes + piece.num_bytes > shard_bytes or num_rows + rows > MAX_ROWS):
            shards.append(Shard(len(shards), tuple(filling)))
            filling, num_bytes, num_rows = [], 0, 0
        filling.append(piece)
        num_bytes, num_rows = num_bytes + piece.num_bytes, num_rows + rows
    return [*shards, Shard(len(shards), tuple(filling))] if filling else shards


def longest_first(shards: Iterable[Shard]) -> list[Shard]:
    """The order to work in: the last shard to start should be the shortest."""
    return sorted(shards, key=lambda shard: (-shard.num_bytes, shard.index))
