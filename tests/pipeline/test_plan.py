"""Shards: every piece once, in order, about as large as asked."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.errors import PlanMismatch
from longriver.pipeline.plan import (
    LARGEST_AUTO,
    MAX_ROWS,
    SMALLEST_AUTO,
    Plan,
    cut,
    longest_first,
    resolve_shard_bytes,
)
from longriver.pipeline.plan_file import read_plan, write_plan
from longriver.pipeline.shard import Piece

SIZES = st.integers(0, 1000)
PIECES = st.lists(
    st.builds(
        Piece,
        source=st.text(max_size=5),
        name=st.text(max_size=5),
        format=st.sampled_from(["parquet", "arrow", "csv", "jsonl", "text"]),
        start=SIZES,
        end=SIZES,
        row_start=st.integers(0, 2**40),
        num_rows=st.none() | st.integers(0, 2 * MAX_ROWS),
        num_bytes=SIZES,
        problem=st.none() | st.text(max_size=5),
        skip=SIZES,
    ),
    max_size=30,
)


@given(PIECES, st.integers(1, 2000))
def test_every_piece_is_in_one_shard_and_order_is_kept(
    pieces: list[Piece], shard_bytes: int
) -> None:
    shards = cut(pieces, shard_bytes)
    assert [piece for shard in shards for piece in shard.pieces] == pieces
    assert [shard.index for shard in shards] == list(range(len(shards)))


@given(PIECES, st.integers(1, 2000))
def test_only_a_single_piece_goes_over_a_limit(pieces: list[Piece], shard_bytes: int) -> None:
    for shard in cut(pieces, shard_bytes):
        rows = sum(1 if piece.num_rows is None else piece.num_rows for piece in shard.pieces)
        within = shard.num_bytes <= shard_bytes and rows <= MAX_ROWS
        assert shard.pieces and (within or len(shard.pieces) == 1)


@given(PIECES, st.integers(1, 2000))
def test_neighbouring_shards_would_not_fit_together(pieces: list[Piece], size: int) -> None:
    shards = cut(pieces, size)
    for shard, behind in itertools.pairwise(shards):
        first = behind.pieces[0]
        rows = [p.num_rows if p.num_rows is not None else 1 for p in (*shard.pieces, first)]
        assert shard.num_bytes + first.num_bytes > size or sum(rows) > MAX_ROWS


@given(PIECES, st.integers(1, 2000))
def test_the_longest_shard_is_done_first(pieces: list[Piece], shard_bytes: int) -> None:
    shards = cut(pieces, shard_bytes)
    ordered = longest_first(shards)
    sizes = [shard.num_bytes for shard in ordered]
    assert sizes == sorted(sizes, reverse=True)
    assert sorted(ordered, key=lambda shard: shard.index) == shards


def test_auto_follows_the_input_between_two_bounds() -> None:
    assert resolve_shard_bytes("auto", 0) == SMALLEST_AUTO
    assert resolve_shard_bytes("auto", 512 << 20) == 1 << 20
    assert resolve_shard_bytes("auto", 1 << 50) == LARGEST_AUTO
    assert resolve_shard_bytes(7, 1 << 50) == 7


@given(PIECES, st.integers(1, 2000))
def test_a_stored_plan_comes_back_as_it_was(pieces: list[Piece], shard_bytes: int) -> None:
    plan = Plan(tuple(cut(pieces, shard_bytes)), shard_bytes, "abc")
    file = io.BytesIO()
    write_plan(plan, file)
    assert read_plan(io.BytesIO(file.getvalue())) == plan


def test_a_plan_of_many_batches_keeps_a_shard_together() -> None:
    piece = Piece("s", "n", "text", 0, 1, 0, 1, 10)
    plan = Plan(tuple(cut([piece] * 70_000, 1 << 40)), 1 << 40, "abc")
    file = io.BytesIO()
    write_plan(plan, file)
    assert read_plan(io.BytesIO(file.getvalue())) == plan


@pytest.mark.parametrize("data", [b"", b"no plan at all, only bytes"])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(PlanMismatch, match=r"plan\.parquet cannot be read"):
        read_plan(io.BytesIO(data))
