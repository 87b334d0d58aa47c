"""Numbers as a person reads them."""

import math

import pytest

from longriver.pipeline.figures import count, data_size, duration, ratio


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (5e15, "5,000.0 TB"),
    ],
)
def test_sizes_have_decimal_units(num_bytes: float, text: str) -> None:
    assert data_size(num_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59.5, "1 min 00 s"),
        (90, "1 min 30 s"),
        (3600, "1 h 00 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts_are_grouped_and_ratios_rounded() -> None:
    assert count(1234567.4) == "1,234,567"
    assert [ratio(x) for x in (None, 2.13456, 1.65, 9999.4, 123456.0, math.inf)] == [
        "-",
        "2.135",
        "1.650",
        "9,999",
        "1.235e+05",
        "inf",
    ]
