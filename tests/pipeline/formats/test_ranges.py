"""Row groups cut into ranges: every row once, in order, within limits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.ranges import Group, cut_groups, pieces_of

FILE = SourceFile("/a", "a", 1, "")
GROUPS = st.lists(st.builds(Group, st.integers(0, 50), st.integers(0, 500)), max_size=8)


@given(GROUPS, st.integers(1, 300), st.integers(1, 20))
def test_pieces_cover_every_row_once_and_hold_to_the_limits(
    groups: list[Group], max_bytes: int, max_rows: int
) -> None:
    pieces = pieces_of(FILE, "parquet", groups, cut_groups(groups, max_bytes, max_rows))
    row = 0
    for piece in pieces:
        assert piece.num_rows is not None and 0 < piece.num_rows <= max_rows
        assert piece.row_start == row
        assert sum(group.num_rows for group in groups[: piece.start]) + piece.skip == row
        assert 0 <= piece.skip < groups[piece.start].num_rows
        row += piece.num_rows
        assert row <= sum(group.num_rows for group in groups[: piece.end])
    assert row == sum(group.num_rows for group in groups)


@given(GROUPS, st.sets(st.integers(1, 400)), st.integers(1, 300))
def test_cuts_move_to_the_next_document(groups: list[Group], inside: set[int], size: int) -> None:
    num_rows = sum(group.num_rows for group in groups)
    starts = np.array(sorted({0, *(row for row in inside if row < num_rows)}), np.int64)
    bounds = cut_groups(groups, size, 20, starts)
    assert set(bounds.tolist()) <= {*starts.tolist(), num_rows}
    assert bounds[0] == 0 and bounds[-1] == num_rows


def test_a_group_of_no_rows_has_no_piece() -> None:
    groups = [Group(2, 10), Group(0, 0), Group(3, 10)]
    pieces = pieces_of(FILE, "parquet", groups, cut_groups(groups, 100, 100))
    assert [(piece.start, piece.end, piece.num_rows) for piece in pieces] == [(0, 1, 2), (2, 3, 3)]
