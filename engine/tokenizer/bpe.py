"""A byte-pair vocabulary, prepared for the walk: its tokens as a trie, and how each is made."""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from longriver.engine.tokenizer.trie import BYTES, Trie

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

NONE, NEVER = -1, 1 << 40


class Merges(NamedTuple):
    """pairs[slot] is ``left << 32 | right`` or NONE; their rank and result lie in the same slot."""

    pairs: Longs
    ranks: Ints
    results: Ints


class Bpe(NamedTuple):
    """A vocabulary ready for the walk.

    base, check, token: the trie of all tokens that their own bytes encode to.
    size, rank, left, right: by id; the bytes, and the last merge that makes it: its rank (NONE: a
        single byte) and parts.
    """

    merges: Merges
    base: Ints
    check: Ints
    token: Ints
    size: Ints
    rank: Ints
    left: Ints
    right: Ints


def build(tokens: dict[bytes, int], merges: list[tuple[int, int, int]]) -> Bpe | None:
    """Prepares the walk, or returns None for a vocabulary whose merges are not in order.

    Args:
        tokens: ids; those without all their single bytes are never made, and left out.
        merges: (left, right, result) ids, the first to be done first.
    """
    table = _hashed(merges)
    ends = np.cumsum([len(token) for token in tokens])
    ids = np.array(list(tokens.values()), np.int32)
    single = np.full(BYTES, NONE, np.int32)
    for byte in range(BYTES):
        single[byte] = tokens.get(bytes([byte]), NONE)
    text = np.frombuffer(b"".join(tokens), np.uint8)
    in_order, made, rank, left, right = _derive(table, text, ends, ids, single, int(ids.max()) + 1)
    if not in_order:
        return None
    size = np.zeros(len(made), np.int32)
    size[ids] = [len(token) for token in tokens]
    trie = Trie.build({token: id_ for token, id_ in tokens.items() if made[id_]})
    return Bpe(table, trie.base, trie.check, trie.token, size, rank, left, right)


def _hashed(merges: list[tuple[int, int, int]]) -> Merges:
    room = 1 << (2 * len(merges) + 1).bit_length()
    pairs = np.full(room, NONE, np.int64)
    ranks, results = np.full(room, NONE, np.int32), np.full(room, NONE, np.int32)
    _store(np.array(merges, np.int64).reshape(-1, 3), pairs, ranks, results)
    return Merges(pairs, ranks, results)


@numba.njit(cache=True)
def _store(merges: Longs, pairs: Longs, ranks: Ints, results: Ints) -> None:
    for rank in range(len(merges)):
        slot = slot_of(pairs, merges[rank, 0], merges[rank, 1])
        pairs[slot] = merges[rank, 0] << 32 | merges[rank, 1]
        ranks[slot], results[slot] = rank, merges[rank, 2]


@numba.njit(cache=True, nogil=True)
def slot_of(pairs: Longs, left: int, right: int) -> int:
    """Where the pair is, or would be."""
    pair = np.int64(left) << 32 | np.int64(right)
    mixed = np.uint64(pair) * np.uint64(0x9E3779B97F4A7C15)
    slot = int(mixed >> np.uint64(32)) & (len(pairs) - 1)
    while pairs[slot] != NONE and pairs[slot] != pair:
        slot = (slot + 1) & (len(pairs) - 1)
    return slot


@numba.njit(cache=True)
def _derive(
    merges: Merges, text: Bytes, ends: Longs, ids: Ints, single: Ints, room: int
) -> tuple[bool, Bools, Ints, Ints, Ints]:
    """Encodes every token's bytes as BPE is defined, and notes the last merge of those made."""
    made = np.zeros(room, np.bool_)
    rank, left, right = (
        np.full(room, NONE, np.int32),
        np.full(room, NONE, np.int32),
        np.full(room, NONE, np.int32),
    )
    begin = 0
    for index in range(len(ids)):
        symbols = single[text[begin : ends[index]]]
        begin = ends[index]
        if np.any(symbols == NONE):
            continue
        count, last, pair_left, pair_right = _merge(merges, symbols)
        id_ = ids[index]
        if count == 1 and symbols[0] == id_:
            made[id_], rank[id_], left[id_], right[id_] = True, last, pair_left, pair_right
    for id_ in range(room):
        is_later = rank[id_] > rank[left[id_]] and rank[id_] > rank[right[id_]]
        if rank[id_] != NONE and not is_later:
            return False, made, rank, left, right
    return True, made, rank, left, right


@numba.njit(cache=True)
def _merge(merges: Merges, symbols: Ints) -> tuple[int, int, int, int]:
    """Merges in place: always the pair of lowest rank, the leftmost of several.

    Returns:
        How many symbols are left, and the last merge: its rank and parts.
    """
    count, rank, left, right = len(symbols), NONE, NONE, NONE
    while True:
        best_rank, best = NEVER, 0
        for at in range(count - 1):
            slot = slot_of(merges.pairs, symbols[at], symbols[at + 1])
            if merges.pairs[slot] != NONE and merges.ranks[slot] < best_rank:
                best_rank, best = merges.ranks[slot], at
        if best_rank == NEVER:
            return count, rank, left, right
        rank, left, right = best_rank, symbols[best], symbols[best + 1]
        symbols[best] = merges.results[slot_of(merges.pairs, left, right)]
        count -= 1
        symbols[best + 1 : count] = symbols[best + 2 : count + 1].copy()
