"""Rows by their numbers are those that reading everything gives, across files and row groups."""

from dataclasses import replace

import numpy as np
import pytest

from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import recorded
from longriver.pipeline.picked import num_rows, picked_rows
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink, read_table
from longriver.pipeline.table import Column, Row, Table
from tests.pipeline.runs import order, receipt_of

THINGS = Table(
    "things",
    (
        Column("name", "string"),
        Column("cost", "float64"),
        Column("nll", "list<float32>"),
        Column("words", "list<string>"),
        Column("vector", "list<float16>[4]"),
    ),
)


def thing(index: int) -> Row:
    return {
        "name": None if index == 5 else f"thing {index}",
        "cost": index / 8,
        "nll": [index / 2] * (index % 3),
        "words": ["a", str(index)],
        "vector": np.full(4, index, np.float16),
    }


@pytest.fixture
def folder(run_url: str) -> RunFolder:
    """Three files of 7, 0 and 30 rows, of several row groups each."""
    folder = RunFolder.open(run_url)
    folder.claim(replace(order(), tables=recorded((THINGS,))))
    first = 0
    for shard, number in (("000000", 7), ("000001", 0), ("000002", 30)):
        sink = ShardSink(folder, shard, (THINGS,), {}, group_bytes=200)
        for index in range(first, first + number):
            sink.write("things", thing(index))
        assert Ledger(folder).commit(receipt_of(shard, sink.attempt, sink.close()))
        first += number
    return folder


def test_every_choice_of_rows_gives_what_reading_all_gives(folder: RunFolder) -> None:
    receipts = list(Ledger(folder).read_all().values())
    everything = read_table(folder, "things").to_table().to_pylist()
    assert num_rows(receipts, "things") == len(everything) == 37
    for rows in ([], [0], [6, 7], [36], [2, 5, 6, 8, 20, 35], list(range(37))):
        found = picked_rows(folder, receipts, "things", rows, THINGS_NAMES)
        assert [_listed(row) for row in found] == [everything[row] for row in rows]


def test_only_the_columns_that_are_asked_for_come(folder: RunFolder) -> None:
    receipts = list(Ledger(folder).read_all().values())
    assert picked_rows(folder, receipts, "things", [5, 9], ["name"]) == [
        {"name": None},
        {"name": "thing 9"},
    ]


THINGS_NAMES = [column.name for column in THINGS.columns]


def _listed(row: Row) -> Row:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
