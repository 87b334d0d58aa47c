"""Nats by position: every token in one bucket, whatever the chunks."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longriver.engine.saved import packed, unpacked
from longriver.jobs.positions import Positions, first_token

nats = arrays(np.float32, st.integers(0, 70), elements=st.floats(0, 20, width=32))


def added(nll: np.ndarray, cuts: list[int]) -> Positions:
    positions = Positions()
    for begin, end in itertools.pairwise([0, *sorted(c % (len(nll) + 1) for c in cuts), len(nll)]):
        positions.add(nll[begin:end])
        positions = Positions.restore(unpacked(packed(positions.save())))
    return positions


@given(nats, st.lists(st.integers(0, 70), max_size=4))
def test_sums_do_not_know_of_chunks(nll: np.ndarray, cuts: list[int]) -> None:
    found, whole = added(nll, cuts), added(nll, [])
    assert np.array_equal(found.nll, whole.nll)
    assert found.num_tokens.tolist() == whole.num_tokens.tolist()
    assert int(whole.num_tokens.sum()) == len(nll)
    np.testing.assert_allclose(whole.nll.sum(), nll.sum(dtype=np.float64))


@given(nats)
def test_a_bucket_has_the_tokens_that_it_says(nll: np.ndarray) -> None:
    positions = added(nll, [])
    for bucket, (found, count) in enumerate(zip(positions.nll, positions.num_tokens, strict=True)):
        part = nll[first_token(bucket) - 1 : first_token(bucket + 1) - 1]
        assert count == len(part) > 0
        np.testing.assert_allclose(found, part.sum(dtype=np.float64), rtol=1e-12)
