"""Finds how many rows a matrix product needs for its rows not to depend on how many there are.

Libraries pick other code for small or odd row counts, and the last bits then differ. Padding every
step to a multiple of a quantum avoids that; the quantum is measured on the model's own shapes, not
assumed (here and on most machines: 16).
"""

import logging
from collections.abc import Iterable

import torch
from torch import Tensor

from longriver.kernels import dispatch

logger = logging.getLogger(__name__)

CANDIDATES = (16, 32, 64, 128)
PROBE_ROWS = 288


def find_row_quantum(weights: Iterable[Tensor]) -> int | None:
    """The smallest candidate at which every weight's product keeps its rows' bits, or None."""
    distinct = {(weight.shape, weight.stride(), weight.dtype): weight for weight in weights}
    for quantum in CANDIDATES:
        if all(_keeps_bits(weight, quantum) for weight in distinct.values()):
            return quantum
    return None


def _keeps_bits(weight: Tensor, quantum: int) -> bool:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(PROBE_ROWS, weight.shape[1], generator=generator)
    product = dispatch.linear("cpu", torch.float32)
    whole = product(x, weight)
    parts = ((0, quantum), (3, quantum), (0, 2 * quantum), (PROBE_ROWS - 256, 256))
    return all(
        torch.equal(product(x[start : start + rows].clone(), weight), whole[start : start + rows])
        for start, rows in parts
    )
