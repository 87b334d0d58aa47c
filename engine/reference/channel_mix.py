"""The channel mixes of all versions in float64."""

import numpy as np

from longriver.engine.reference.weights import Array, Weights, sigmoid
from longriver.engine.version import Version


def channel_mix(version: Version, w: Weights, x: Array, before: Array) -> Array:
    """What a token adds to the residual; ``before`` is the token before it."""
    if version == Version.V7:
        return _squared(w, x + (before - x) * w("x_k"))
    if version == Version.V6:
        xk, xr = (x + (before - x) * w(f"time_maa_{z}") for z in "kr")
    else:
        xk, xr = (x * w(f"time_mix_{z}") + before * (1 - w(f"time_mix_{z}")) for z in "kr")
    return sigmoid(w("receptance.weight") @ xr) * _squared(w, xk)


def _squared(w: Weights, xk: Array) -> Array:
    out: Array = w("value.weight") @ np.maximum(w("key.weight") @ xk, 0) ** 2
    return out
