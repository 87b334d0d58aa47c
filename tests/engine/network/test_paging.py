"""Loading in parts: what is converted is the same, what is not finite is found anywhere."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.network.paging import all_finite, converted, is_file, let_go

CPU = torch.device("cpu")
SHAPES = [(), (0,), (7,), (3, 5), (2000, 700), (1, 3_000_000), (3_000_000, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_conversion_in_parts_is_that_of_the_whole(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    x = torch.randn(shape)
    found = converted(x, CPU, dtype)
    assert found is not None and found.is_contiguous()
    assert torch.equal(found, x.to(dtype))


def test_a_transposed_view_becomes_contiguous() -> None:
    x = torch.randn(300, 500).T
    found = converted(x, CPU, torch.float32)
    assert found is not None and found.is_contiguous() and torch.equal(found, x)


def test_what_need_not_change_is_not_copied() -> None:
    x = torch.randn(30, 50)
    assert converted(x, CPU, torch.float32) is x


@given(st.integers(0, 2_999_999), st.sampled_from([torch.nan, torch.inf, -torch.inf]))
def test_one_number_that_is_not_finite_is_found_anywhere(place: int, value: float) -> None:
    x = torch.zeros(1500, 2000)
    x.view(-1)[place] = value
    assert not all_finite(x)
    assert converted(x, CPU, torch.float32) is None
    assert converted(x, CPU, torch.bfloat16) is None


def test_a_mapped_tensor_that_was_let_go_keeps_its_content(tmp_path: Path) -> None:
    x = torch.randn(1000, 1000)
    torch.save({"x": x}, tmp_path / "x.pth")
    mapped = torch.load(tmp_path / "x.pth", mmap=True, weights_only=True)["x"]
    assert torch.equal(mapped, x)
    let_go(mapped)
    assert torch.equal(mapped, x)


def test_memory_that_is_no_file_keeps_its_content() -> None:
    x = torch.arange(2_000_000.0)
    let_go(x)
    assert torch.equal(x, torch.arange(2_000_000.0))
    assert converted(x, CPU, torch.float64) is not None
    assert torch.equal(x, torch.arange(2_000_000.0))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/maps")
def test_what_was_read_of_a_file_leaves_the_process(tmp_path: Path) -> None:
    x = torch.randn(4_000_000)
    torch.save({"x": x}, tmp_path / "x.pth")
    mapped = torch.load(tmp_path / "x.pth", mmap=True, weights_only=True)["x"]
    assert is_file(mapped) and not is_file(x)
    assert torch.equal(mapped, x)
    before = resident_file_bytes()
    assert converted(mapped, CPU, torch.float64) is not None
    assert before - resident_file_bytes() > mapped.nbytes * 3 // 4


def resident_file_bytes() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("RssFile:")]
    return int(line.split()[1]) * 1024
