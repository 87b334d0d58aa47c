"""The matrix products of a 0.1B in float32, as they are done here and as torch does them."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from longriver.kernels.linear.float32_cpu import linear, torch_linear
from longriver.kernels.nll.blocked import ROW_BLOCK, VOCAB_BLOCK
from tests.bench.session import Bench
from tests.bench.timing import Compared, Work

SECTION = "Matrix products, rows by inputs by outputs"
STEP, WIDTH = 512, 768
SHAPES = (
    (STEP, WIDTH, 4 * WIDTH),
    (STEP, 4 * WIDTH, WIDTH),
    (STEP, WIDTH, WIDTH),
    (STEP, WIDTH, 128),
    (ROW_BLOCK, WIDTH, VOCAB_BLOCK),
    (16, WIDTH, WIDTH),
)
FLOPS = 10**10
"""That a round does of each, about."""


def measure_products(bench: Bench) -> None:
    """A group for each shape; "tokens" are rows."""
    for rows, inputs, outputs in SHAPES:
        x, weight = torch.randn(rows, inputs), torch.randn(outputs, inputs)
        name = f"{rows} x {inputs:,} x {outputs:,}"
        works = [
            _work(name, linear, x, weight, Compared.TO_FIRST),
            _work(f"{name}, by torch", torch_linear, x, weight, Compared.PEER),
        ]
        bench.measure(SECTION, works)


def _work(
    name: str,
    product: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    weight: Tensor,
    compared: Compared,
) -> Work:
    flops = 2 * weight.numel()
    count = max(1, FLOPS // (flops * len(x)))

    def run(number: int) -> int:
        for _ in itertools.repeat(None, count):
            product(x, weight)
        return count * len(x)

    run(0)
    return Work(name, run, flops, compared)
