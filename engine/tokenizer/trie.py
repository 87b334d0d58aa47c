"""Greedy longest match of byte strings: a double-array trie, walked by compiled code.

A node is an index; its child by byte c is ``base[node] + c`` if ``check`` there names the node (J.
Aoe, "An efficient digital search algorithm by using a double-array structure", 1989).
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

FREE, NONE, ROOT, BYTES = -1, -1, 0, 256


@dataclass(frozen=True, slots=True)
class Trie:
    """token[node] is the id of the entry that ends there, or NONE; longest is in bytes."""

    base: Ints
    check: Ints
    token: Ints
    longest: int

    @staticmethod
    def build(entries: dict[bytes, int]) -> "Trie":
        """Makes the trie of byte strings and their ids."""
        text = np.frombuffer(b"".join(entries), np.uint8)
        ends = np.cumsum([len(entry) for entry in entries])
        tree = _grow(text, ends.astype(np.int64), np.array(list(entries.values()), np.int32))
        room = 2 * len(tree[0]) + 2 * BYTES
        while True:
            fits, base, check, token = _place(*tree, room)
            if fits:
                return Trie(base, check, token, longest=max(map(len, entries)))
            room *= 2

    def match(self, data: Bytes, *, is_end: bool) -> tuple[Ints, Longs]:
        """Tokenizes ``data`` from its first byte; every single byte must be an entry.

        Args:
            is_end: nothing follows. Otherwise a token that later bytes could change is left out;
                fewer than ``longest`` bytes, at the end, are then without token.

        Returns:
            The ids and where in ``data`` each token ends.
        """
        ids, ends = np.empty(len(data), np.int32), np.empty(len(data), np.int64)
        count = _match(self.base, self.check, self.token, data, is_end, ids, ends)
        return ids[:count].copy(), ends[:count].copy()


@numba.njit(cache=True, nogil=True)
def _match(
    base: Ints, check: Ints, token: Ints, data: Bytes, is_end: bool, ids: Ints, ends: Longs
) -> int:
    position, count, size, leaf = 0, 0, len(data), len(base) - BYTES
    while position < size:
        node, at, best, best_end = ROOT, position, NONE, position
        while at < size:
            child = base[node] + data[at]
            if check[child] != node:
                break
            node = child
            at += 1
            if token[node] != NONE:
                best, best_end = token[node], at
        if at == size and not is_end and base[node] != leaf:
            break
        ids[count], ends[count] = best, best_end
        count += 1
        position = best_end
    return count


@numba.njit(cache=True)
def _grow(text: Bytes, ends: Longs, values: Ints) -> tuple[Ints, Ints, Bytes, Ints]:
    """A plain tree: first child, next sibling, byte and id of every node; siblings in any order."""
    most = len(text) + 1
    child, sibling = np.full(most, NONE, np.int32), np.full(most, NONE, np.int32)
    byte, token = np.zeros(most, np.uint8), np.full(most, NONE, np.int32)
    num_nodes, begin = 1, 0
    for entry in range(len(ends)):
        node = ROOT
        for position in range(begin, ends[entry]):
            following = child[node]
            while following != NONE and byte[following] != text[position]:
                following = sibling[following]
            if following == NONE:
                following = num_nodes
                num_nodes += 1
                byte[following] = text[position]
                sibling[following] = child[node]
                child[node] = following
            node = following
        token[node] = values[entry]
        begin = ends[entry]
    return child[:num_nodes], sibling[:num_nodes], byte[:num_nodes], token[:num_nodes]


@numba.njit(cache=True)
def _place(
    child: Ints, sibling: Ints, byte: Bytes, token: Ints, room: int
) -> tuple[bool, Ints, Ints, Ints]:
    """Lays the nodes, in breadth-first order, into the first places where they fit, if they do.

    The last ``BYTES`` places stay free: there the children of a node without any are looked for.
    """
    base, check = np.zeros(room, np.int32), np.full(room, FREE, np.int32)
    placed_token = np.full(room, NONE, np.int32)
    queue, place = np.empty(len(child), np.int32), np.empty(len(child), np.int32)
    queue[0], place[0], check[0] = ROOT, 0, 0
    head, tail, first_free = 0, 1, 1
    while head < tail:
        node = queue[head]
        head += 1
        while check[first_free] != FREE:
            first_free += 1
        if child[node] == NONE:
            base[place[node]] = room - BYTES
            continue
        start = _first_fit(child[node], sibling, byte, check, first_free)
        if start + 2 * BYTES > room:
            return False, base, check, placed_token
        base[place[node]] = start
        following = child[node]
        while following != NONE:
            place[following] = start + byte[following]
            check[place[following]] = place[node]
            placed_token[place[following]] = token[following]
            queue[tail] = following
            tail += 1
            following = sibling[following]
    return True, base, check, placed_token


@numba.njit(cache=True)
def _first_fit(first: int, sibling: Ints, byte: Bytes, check: Ints, first_free: int) -> int:
    start: int = max(first_free - byte[first], 1)
    while start + 2 * BYTES <= len(check):
        following = first
        while following != NONE and check[start + byte[following]] == FREE:
            following = sibling[following]
        if following == NONE:
            return start
        start += 1
    return start
