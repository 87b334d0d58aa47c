"""Document starts, whatever the batches and the type of the id."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.formats.starts import DocumentStarts

IDS = st.lists(st.none() | st.integers(0, 2), max_size=15)
KINDS = [pa.int64(), pa.string(), pa.large_string(), pa.string_view()]


def expected_starts(ids: list[int | None]) -> list[int]:
    changes = [i for i in range(1, len(ids)) if ids[i] is None or ids[i] != ids[i - 1]]
    return [0, *changes]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(batches=st.lists(IDS, max_size=4))
def test_a_start_is_where_the_id_changes(
    kind: pa.DataType, batches: list[list[int | None]]
) -> None:
    starts = DocumentStarts()
    starts.add(pa.array(batch, pa.int64()).cast(kind) for batch in batches)
    assert starts.rows().tolist() == expected_starts([id for batch in batches for id in batch])


def test_no_cut_is_made_in_or_behind_rows_that_cannot_be_read() -> None:
    starts = DocumentStarts()
    starts.add([pa.array([1, 2])])
    starts.skip(3)
    starts.add([pa.array([4, 5])])
    assert starts.rows().tolist() == [0, 1, 6]
