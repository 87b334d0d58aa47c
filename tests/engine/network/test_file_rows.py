"""Rows that are read from a file are those of the table, and bring nothing else into memory."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.network.file_rows import FileRows
from tests.checkpoints import saved
from tests.engine.network.test_paging import resident_file_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/maps")
SHAPE = 40_000, 256


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    return saved({"other": torch.zeros(3), "table": table.bfloat16()}, tmp_path / "model.pth")


def mapped(path: Path) -> Tensor:
    table: Tensor = torch.load(path, mmap=True, weights_only=True)["table"]
    return table


def rows_of(path: Path) -> FileRows:
    rows = FileRows.of(mapped(path))
    assert rows is not None
    return rows


def test_rows_are_those_of_the_table(path: Path) -> None:
    ids = torch.randint(0, SHAPE[0], (300,), generator=torch.Generator().manual_seed(1))
    ids[:4] = torch.tensor([0, SHAPE[0] - 1, 7, 7])
    assert torch.equal(rows_of(path)(ids), mapped(path)[ids])
    assert rows_of(path)(ids[:0]).shape == (0, SHAPE[1])


def test_rows_do_not_bring_in_the_table(path: Path) -> None:
    rows = rows_of(path)
    before = resident_file_bytes()
    rows(torch.arange(0, SHAPE[0], 100))
    assert resident_file_bytes() - before < SHAPE[0] * SHAPE[1] // 4


def test_what_is_in_memory_small_or_transposed_is_not_read_from_a_file(path: Path) -> None:
    assert FileRows.of(torch.randn(SHAPE)) is None
    assert FileRows.of(mapped(path)[:100]) is None
    assert FileRows.of(mapped(path).T) is None


def test_a_file_that_has_gone_or_was_replaced_is_not_taken_for_the_mapped_one(path: Path) -> None:
    table, other = mapped(path), path.with_name("other.pth")
    saved({"table": torch.zeros(SHAPE)}, other)
    os.replace(other, path)
    assert FileRows.of(table) is None
    path.unlink()
    assert FileRows.of(table) is None


def test_an_opened_file_may_go(path: Path) -> None:
    table, rows = mapped(path), rows_of(path)
    path.unlink()
    assert torch.equal(rows(torch.tensor([5])), table[[5]])


def test_an_id_outside_of_the_table_is_refused(path: Path) -> None:
    for id_ in (-1, SHAPE[0]):
        with pytest.raises(IndexError, match=f"token {id_} is not among 40000"):
            rows_of(path)(torch.tensor([id_]))


def test_a_file_that_was_cut_is_named(path: Path) -> None:
    rows = rows_of(path)
    os.truncate(path, 1 << 20)
    with pytest.raises(OSError, match=r"model\.pth has become shorter"):
        rows(torch.tensor([SHAPE[0] - 1]))
