"""Damage stays with its document; a failing machine stops the shard."""

import errno

import pyarrow as pa
import pytest

from longriver.pipeline.damage import Damaged, is_damage
from longriver.pipeline.one_line import one_line


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("x"), EOFError(), OSError("bad page"), Damaged("no header")]
)
def test_bad_bytes_are_damage(error: Exception) -> None:
    assert is_damage(error)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "disk"), FileNotFoundError("a"), ConnectionResetError(), KeyError("x")],
)
def test_a_failing_machine_is_not(error: Exception) -> None:
    assert not is_damage(error)


def test_messages_are_one_bounded_line() -> None:
    assert one_line(OSError("a\n  b")) == "a b"
    assert one_line(EOFError()) == "EOFError"
    assert len(one_line(OSError("a" * 10_000))) == 500
