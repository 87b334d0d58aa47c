"""Rows leave in document order, whatever order they come in."""

from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.ordering import InOrder

Row = tuple[int, int]


@given(data=st.data(), num_rows=st.lists(st.integers(0, 5), max_size=12))
def test_rows_leave_in_document_order(data: st.DataObject, num_rows: list[int]) -> None:
    order: InOrder[Row] = InOrder()
    out: list[Row] = []
    written = {index: 0 for index in range(len(num_rows))}
    opened: list[int] = []
    unopened = list(range(len(num_rows)))
    while opened or unopened:
        index = data.draw(st.sampled_from([*opened, *unopened[:1]]))
        if index not in opened:
            order.open(unopened.pop(0))
            opened.append(index)
        elif written[index] < num_rows[index]:
            out += order.put(index, [(index, written[index])])
            written[index] += 1
        else:
            out += order.close(index)
            opened.remove(index)
        assert len(out) + order.num_waiting == sum(written.values())
    assert out == [(index, row) for index, n in enumerate(num_rows) for row in range(n)]


def test_the_first_open_document_waits_for_nothing() -> None:
    order: InOrder[str] = InOrder()
    order.open(3)
    order.open(8)
    assert list(order.put(3, ["a"])) == ["a"]
    assert list(order.put(8, ["b"])) == []
    assert order.num_waiting == 1
    assert order.close(3) == ["b"]
    assert list(order.put(8, ["c"])) == ["c"]
    assert order.num_waiting == 0


def test_documents_that_closed_early_leave_together() -> None:
    order: InOrder[str] = InOrder()
    for index, name in enumerate("abcd"):
        order.open(index)
        if index:
            order.put(index, [name])
    assert order.close(2) == order.close(1) == []
    assert order.close(0) == ["b", "c", "d"]
    assert order.close(3) == []


def test_waiting_rows_can_be_discarded() -> None:
    order: InOrder[str] = InOrder()
    for index in (0, 1):
        order.open(index)
    order.put(1, ["half", "of it"])
    assert order.discard(1)
    assert order.num_waiting == 0
    order.put(1, ["dead"])
    order.close(1)
    assert order.close(0) == ["dead"]


def test_rows_that_have_left_cannot_be_discarded() -> None:
    order: InOrder[str] = InOrder()
    for index in (0, 1, 2):
        order.open(index)
    assert order.discard(0)
    order.put(0, ["a"])
    assert not order.discard(0)
    order.put(1, ["b"])
    assert order.close(0) == ["b"]
    assert not order.discard(1)
    assert order.close(1) == []
    assert order.discard(2)


def test_a_long_first_document_keeps_nothing_in_memory() -> None:
    order: InOrder[int] = InOrder()
    order.open(0)
    for value in range(100_000):
        assert list(order.put(0, [value])) == [value]
    assert order.num_waiting == 0


def test_many_short_documents_behind_a_long_one_take_linear_time() -> None:
    order: InOrder[int] = InOrder()
    order.open(0)
    for index in range(1, 100_000):
        order.open(index)
        order.put(index, [index])
        order.close(index)
    assert order.close(0) == list(range(1, 100_000))
