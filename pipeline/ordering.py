"""Rows of documents that are read side by side, let out in document order."""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """Holds rows back until every earlier document is closed.

    The first open document's rows pass straight through, so that what waits is rows of documents
    behind it: never more than one shard's, however long that first document is.

    num_waiting: rows held back now.
    """

    def __init__(self) -> None:
        self.num_waiting = 0
        self._open: deque[int] = deque()
        self._waiting: dict[int, list[T]] = {}
        self._closed: set[int] = set()
        self._has_head_left = False
        self._last = -1

    def open(self, index: int) -> None:
        """Begins a document; indices rise, though they may skip."""
        assert index > self._last, f"document {index} opened after {self._last}"
        self._last = index
        self._open.append(index)

    def put(self, index: int, rows: Iterable[T]) -> list[T]:
        """Takes rows of an open document; returns those that may leave now."""
        self._assert_open(index)
        if index == self._open[0]:
            leaving = list(rows)
            self._has_head_left |= bool(leaving)
            return leaving
        waiting = self._waiting.setdefault(index, [])
        num_before = len(waiting)
        waiting.extend(rows)
        self.num_waiting += len(waiting) - num_before
        return []

    def discard(self, index: int) -> bool:
        """Forgets the rows of an open document; False, and no effect, if some have left already."""
        self._assert_open(index)
        if index == self._open[0]:
            return not self._has_head_left
        self.num_waiting -= len(self._waiting.pop(index, []))
        return True

    def close(self, index: int) -> list[T]:
        """Ends a document; returns the rows that waited for it."""
        self._assert_open(index)
        self._closed.add(index)
        rows: list[T] = []
        while self._open and self._open[0] in self._closed:
            self._closed.remove(self._open.popleft())
            rows += self._head_rows()
        self.num_waiting -= len(rows)
        return rows

    def _head_rows(self) -> list[T]:
        """What the new first document has so far; its later rows pass straight through."""
        rows = self._waiting.pop(self._open[0], []) if self._open else []
        self._has_head_left = bool(rows)
        return rows

    def _assert_open(self, index: int) -> None:
        assert 0 <= index <= self._last and index not in self._closed, f"{index} is not open"
        assert self._open and index >= self._open[0], f"document {index} is not open"
