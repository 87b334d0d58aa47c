"""The case list that every WKV-7 implementation is held against."""

import torch
from torch import Tensor

from tests.kernels.cases import LAYOUTS, Case, Normal, exact

STRONGEST_DECAY = -0.6065306597126334

CASES = (
    *LAYOUTS,
    Case("strongest decay", (130, 7), (0, 1), decay="strongest"),
    Case("almost no decay", (130, 7), (0, 1), decay="weak", tolerance=1e-5),
)


def inputs(case: Case, *, seed: int = 0) -> dict[str, Tensor]:
    """Float64 arguments of ``wkv7``, with rows of padding behind the last segment."""
    normal, shape = Normal(seed), case.rows
    kk = torch.nn.functional.normalize(normal(*shape), dim=-1)
    decays = {"typical": torch.sigmoid(normal(*shape)), "strongest": 1.0, "weak": 1e-4}
    ones = torch.ones(shape, dtype=torch.float64)
    arguments = {
        "r_RHN": normal(*shape),
        "w_log_RHN": STRONGEST_DECAY * decays[case.decay] * ones,
        "k_RHN": normal(*shape),
        "v_RHN": normal(*shape),
        "a_RHN": -kk,
        "b_RHN": kk * torch.sigmoid(normal(*shape)),
        "state_SHKV": normal(case.num_slots, *shape[1:], case.head_size),
    }
    return exact(arguments | case.packing())
