"""Intervals that depend on documents and their places alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.jobs.bootstrap import BLOCK, Resamples, counts_of

RANDOM = np.random.default_rng(5)
ROWS = np.stack([RANDOM.gamma(2, 3, 700), RANDOM.integers(1, 50, 700)], axis=1)


def resampled(cuts: list[int], groups: np.ndarray, num_resamples: int = 200) -> Resamples:
    resamples = Resamples(num_resamples, num_columns=2)
    for begin, end in itertools.pairwise([0, *sorted(cuts), len(ROWS)]):
        resamples.add(ROWS[begin:end], groups[begin:end])
    resamples.close()
    return resamples


@settings(max_examples=20)
@given(st.lists(st.integers(0, 700), max_size=5))
def test_batches_have_no_part_in_it(cuts: list[int]) -> None:
    groups = np.arange(len(ROWS)) % 3
    found, whole = resampled(cuts, groups), resampled([], groups)
    for group in range(3):
        assert np.array_equal(found.sums[group], whole.sums[group])
        assert found.interval(group, 0, 1) == whole.interval(group, 0, 1)


def test_documents_count_as_often_as_draws_with_replacement_have_it() -> None:
    counts = counts_of(3, 4000).astype(float)
    assert abs(counts.mean() - 1) < 0.005 and abs(counts.var() - 1) < 0.01
    # neighbours know nothing of each other
    assert abs(np.corrcoef(counts[:50])[0, 1:]).max() < 0.06
    assert not np.array_equal(counts_of(0, 50), counts_of(1, 50))


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    low, high = resampled([], np.zeros(len(ROWS), int), 4000).interval(0, 0, 1) or (0.0, 0.0)
    drawn = RANDOM.integers(0, len(ROWS), (4000, len(ROWS)))
    ratios = ROWS[drawn, 0].sum(1) / ROWS[drawn, 1].sum(1)
    expected_low, expected_high = np.percentile(ratios, [2.5, 97.5])
    width = expected_high - expected_low
    assert abs(low - expected_low) < 0.1 * width and abs(high - expected_high) < 0.1 * width


@pytest.mark.parametrize("count", [0, 1])
def test_a_document_alone_has_no_interval(count: int) -> None:
    resamples = Resamples(100, num_columns=2)
    resamples.add(ROWS[:count], np.zeros(count, int))
    resamples.close()
    assert resamples.interval(0, 0, 1) is None


def test_no_resamples_give_no_interval() -> None:
    assert resampled([], np.zeros(len(ROWS), int), 0).interval(0, 0, 1) is None
    assert len(ROWS) > 2 * BLOCK


def test_a_document_beside_empty_ones_has_no_interval() -> None:
    resamples = Resamples(100, num_columns=2)
    resamples.add(np.array([[0.0, 0.0], [7.0, 5.0], [0.0, 0.0]]), np.zeros(3, np.int64))
    resamples.close()
    assert resamples.interval(0, 0, 1) is None
