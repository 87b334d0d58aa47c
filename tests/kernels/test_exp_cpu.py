"""The exponential that LLVM makes vectors of: how exact it is, and what it does at the edges."""

import numba
import numpy as np
import numpy.typing as npt

from longriver.kernels.exp_cpu import exp, sigmoid

Floats = npt.NDArray[np.float32]


@numba.njit
def _exp_of(x: Floats, y: Floats) -> None:
    for i in range(len(x)):
        y[i] = exp(x[i])


@numba.njit
def _sigmoid_of(x: Floats, y: Floats) -> None:
    for i in range(len(x)):
        y[i] = sigmoid(x[i])


def last_places(found: Floats, exact: npt.NDArray[np.float64]) -> float:
    """The largest error in units in the last place."""
    return float((abs(found - exact) / np.spacing(exact.astype(np.float32))).max())


def test_exp_is_exact_to_two_units_in_the_last_place() -> None:
    x = np.linspace(-87, 88, 1_000_003, dtype=np.float32)
    y = np.empty_like(x)
    _exp_of(x, y)
    assert last_places(y, np.exp(x.astype(np.float64))) < 2


def test_the_logistic_function_is_exact_to_three_units_in_the_last_place() -> None:
    x = np.linspace(-80, 80, 1_000_003, dtype=np.float32)
    y = np.empty_like(x)
    _sigmoid_of(x, y)
    assert last_places(y, 1 / (1 + np.exp(-x.astype(np.float64)))) < 3


def test_results_stay_finite_at_the_edges_and_nan_stays_nan() -> None:
    x = np.array([0, -200, 200, -np.inf, np.inf, np.nan], np.float32)
    y = np.empty_like(x)
    _exp_of(x, y)
    assert y[0] == 1 and 0 < y[1] == y[3] < 2e-38 and 2e38 < y[2] == y[4] < np.inf
    assert np.isnan(y[5])
    _sigmoid_of(x, y)
    assert y[0] == 0.5 and y[1] == y[3] < 1e-37 and y[2] == y[4] == 1 and np.isnan(y[5])
