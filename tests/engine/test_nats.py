"""Nats that are made of logits: those of the definition, by either way to them."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.nats import nats_of_rows, summed_on_device

ROWS = st.lists(st.lists(st.floats(-300, 300, width=32), min_size=3, max_size=3), min_size=1)


def by_definition(row: list[float], token: int) -> float:
    largest = max(row)
    return largest + math.log(math.fsum(math.exp(x - largest) for x in row)) - row[token]


@given(rows=ROWS, data=st.data())
def test_nats_are_those_of_the_definition(rows: list[list[float]], data: st.DataObject) -> None:
    ids = np.array([data.draw(st.integers(0, 2)) for _ in rows], np.int32)
    wanted = [by_definition(row, token) for row, token in zip(rows, ids, strict=True)]
    for found in (nats_of_rows, summed_on_device):
        np.testing.assert_allclose(found(torch.tensor(rows), ids), wanted, rtol=1e-6, atol=1e-6)


def test_a_row_with_a_logit_that_is_no_number_has_none() -> None:
    rows = torch.tensor([[0.0, math.nan], [1.0, 0.0], [math.inf, 0.0], [-math.inf, 0.0]])
    ids = np.array([0, 0, 1, 1], np.int32)
    for found in (nats_of_rows, summed_on_device):
        assert np.isnan(found(rows, ids)).tolist() == [True, False, True, True]
