"""What one pass keeps is what sorting everything gives, however the rows are batched."""

import itertools
import math

import numpy as np
import pytest

from longriver.jobs.report.embeddings import plane
from longriver.jobs.report.pace import Span, rates, without_pauses
from longriver.jobs.report.scored import Documents, Segments
from longriver.jobs.report.survey import Extremes, Spread, quantiles, sample_rows

RANDOM = np.random.default_rng(0)
TOKENS = RANDOM.integers(0, 2000, 500)
BYTES = TOKENS * 3
NLL = TOKENS * RANDOM.uniform(0.5, 3, 500)
IDS = [f"d{i}" for i in range(500)]
SIZE = 100


def documents(*cuts: int) -> Documents:
    found = Documents(SIZE, np.array([0, 7, 1200]), 3, ("d17",))
    for part in np.split(np.arange(500), cuts):
        found.add(TOKENS[part], BYTES[part], NLL[part], [IDS[i] for i in part])
    return found


@pytest.mark.parametrize("cuts", [(), (1, 2, 250), (0, 100, 100, 499)])
def test_documents_are_surveyed_the_same_in_any_batches(cuts: tuple[int, ...]) -> None:
    whole, parts = documents(), documents(*cuts)
    assert whole.extremes.both() == parts.extremes.both()
    assert whole.by_length() == parts.by_length()
    assert whole.spread.columns() == parts.spread.columns()
    assert (whole.sampled, whole.owners, whole.named) == (
        *(parts.sampled, parts.owners, parts.named),
    )


def test_extremes_are_those_that_sorting_finds() -> None:
    worst, best = documents().extremes.both()
    able = [i for i in range(500) if TOKENS[i] >= 32]
    ranked = sorted(able, key=lambda i: NLL[i] / BYTES[i])
    assert [each.row for each in best] == ranked[:8]
    assert [each.row for each in worst] == ranked[:-9:-1]


def test_where_all_is_short_the_short_are_extreme() -> None:
    found = Documents(None, np.zeros(0, np.int64), 1)
    found.add(np.array([3, 0, 5]), np.array([3, 0, 5]), np.array([3.0, 0.0, 10.0]), [])
    worst, best = found.extremes.both()
    assert not found.extremes.is_long
    assert [each.row for each in (*worst, *best)] == [2, 0]


def test_equals_are_taken_in_their_order_and_none_is_both_worst_and_best() -> None:
    found = Extremes(2)
    found.add(np.ones(5), np.arange(5), np.arange(5))
    assert [[each.row for each in side] for side in found.both()] == [[0, 1], []]


def test_segments_are_known_to_be_of_their_documents() -> None:
    found = documents()
    firsts = np.concatenate([[0], np.cumsum(-(-TOKENS // SIZE))])
    for row, owner in found.owners.items():
        assert firsts[owner] <= row < firsts[owner + 1]
    assert found.named["d17"].first == firsts[17]
    assert found.longest is not None and found.longest.row == int(TOKENS.argmax())


def test_lengths_add_up_to_the_corpus() -> None:
    lengths = documents().by_length()
    assert sum(each.num_documents for each in lengths) == int((TOKENS > 0).sum())
    [first] = [each for each in lengths if each.first == 1024]
    chosen = (TOKENS >= 1024) & (TOKENS < 2048)
    assert first.bits_per_byte == pytest.approx(
        NLL[chosen].sum() / (math.log(2) * BYTES[chosen].sum())
    )


def test_positions_are_means_of_segments_by_their_middles() -> None:
    found = Segments()
    starts = np.arange(0, 1000, 100)
    for part in np.split(starts, [3]):
        found.add(part, np.full(len(part), 100), np.full(len(part), 100), 100.0 + part)
    positions = found.positions()
    assert sum(each.num_segments for each in positions) == 10
    assert positions[0].token == pytest.approx(50.5) and positions[0].nats == 1.0
    assert all(each.low <= each.nats + 0.02 and each.nats <= each.high + 0.02 for each in positions)


def test_a_spread_counts_every_value_once() -> None:
    spread = Spread()
    values = np.concatenate([RANDOM.normal(2, 0.3, 5000), [39.0, 1e9, math.nan]])
    for part in np.split(values, [10, 4000]):
        spread.add(part)
    edges, counts = spread.columns()
    assert sum(counts) == 5002 and len(edges) == len(counts) + 1 <= 42
    inner = [((values >= a) & (values < b)).sum() for a, b in itertools.pairwise(edges)]
    assert counts[1:-1] == pytest.approx(inner[1:-1], abs=2)


def test_quantiles_are_within_a_step() -> None:
    values = RANDOM.uniform(0, 10, 1000)
    counts = np.bincount((values / 0.02).astype(int), minlength=600)
    assert quantiles(counts, 0.02, (0.25, 0.75)) == pytest.approx(
        np.quantile(values, [0.25, 0.75]), abs=0.05
    )


def test_samples_are_spread_evenly() -> None:
    assert sample_rows(5, 10) == [0, 1, 2, 3, 4]
    assert sample_rows(100, 10) == list(range(0, 100, 10))
    assert len(sample_rows(101, 10)) <= 10 and sample_rows(0, 10) == []


def test_the_plane_is_that_of_a_singular_value_decomposition() -> None:
    vectors = RANDOM.normal(size=(60, 20)) * np.linspace(3, 0.1, 20)
    places, parts = plane(vectors)
    _, values, directions = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = (vectors - vectors.mean(axis=0)) @ directions[:2].T
    assert np.abs(places) == pytest.approx(np.abs(expected))
    assert parts == pytest.approx(list(values[:2] ** 2 / (values**2).sum()))
    assert (places[np.abs(places).argmax(axis=0), [0, 1]] > 0).all()


def test_equal_vectors_have_a_plane_too() -> None:
    places, parts = plane(np.ones((5, 3)))
    assert parts == [0.0, 0.0] and not places.any()


def test_rates_keep_every_token_and_pauses_are_left_out() -> None:
    spans: list[Span] = [(0.0, 10.0, 1000), (5.0, 12.0, 700), (5000.0, 5010.0, 500)]
    moved, num_pauses = without_pauses(spans)
    assert num_pauses == 1 and moved[-1] == (12.0, 22.0, 500)
    width, found = rates(moved, 11)
    assert width == 2.0
    assert float(found.sum() * width) == pytest.approx(2200)
    assert found[0] == pytest.approx(100)
