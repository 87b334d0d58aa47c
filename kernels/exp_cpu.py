"""The exponential and the logistic function for Numba, in a form that LLVM turns into vectors."""

import numba
import numpy as np

LOWEST, HIGHEST = np.float32(-87.3), np.float32(88.3)
"""Beyond these the result stays at the edge, near the least and the greatest of float32."""
LOG2_E = np.float32(1.44269504088896341)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
"""ln 2 in two parts, the first with so few digits that its product with a whole number is exact."""
ROUNDER = np.float32(12582912.0)
"""1.5 · 2²³: what is added to it is rounded to a whole number, which its lowest bits hold."""
C2, C3, C4 = np.float32(5.0000001201e-1), np.float32(1.6666665459e-1), np.float32(4.1665795894e-2)
C5, C6, C7 = np.float32(8.3334519073e-3), np.float32(1.3981999507e-3), np.float32(1.9875691500e-4)
"""Of the polynomial for exp(x) on |x| < ln 2 / 2, from Cephes' ``expf``."""
ONE = np.float32(1)
BIAS, MANTISSA_BITS = np.int32(127), np.int32(23)


@numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)
def exp(x: np.float32) -> np.float32:
    """exp(x) within 2 units in the last place; math.exp would be a call for each number."""
    x = LOWEST if x < LOWEST else x
    x = HIGHEST if x > HIGHEST else x
    shifted = x * LOG2_E + ROUNDER
    whole = shifted - ROUNDER
    rest = x - whole * LN2_HIGH - whole * LN2_LOW
    series = ((((C7 * rest + C6) * rest + C5) * rest + C4) * rest + C3) * rest + C2
    exponent = np.int32((np.float32(shifted).view(np.int32) + BIAS) << MANTISSA_BITS)
    found: np.float32 = (series * rest * rest + rest + ONE) * np.int32(exponent).view(np.float32)
    return found


@numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)
def sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + exp(-x))."""
    found: np.float32 = ONE / (ONE + exp(-x))
    return found
