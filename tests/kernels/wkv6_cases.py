"""The case list that every WKV-6 implementation is held against."""

import torch
from torch import Tensor

from tests.kernels.cases import LAYOUTS, Case, Normal, exact

CASES = (
    *LAYOUTS,
    Case("strongest decay", (130, 7), (0, 1), decay="strongest"),
    Case("total decay", (130, 7), (0, 1), decay="total"),
    Case("now and then a total decay", (130, 7), (0, 1), decay="mixed"),
    Case("almost no decay", (130, 7), (0, 1), decay="weak", tolerance=1e-5),
)


def inputs(case: Case, *, seed: int = 0) -> dict[str, Tensor]:
    """Float64 arguments of ``wkv6``, with rows of padding behind the last segment."""
    normal, shape = Normal(seed), case.rows
    decays = {"strongest": -1e30, "total": -torch.inf, "weak": -1e-4}
    # RWKV-6's own spread: from next to nothing to all within one token
    w_log_RHN = -(2 * normal(*shape) - 2).exp()
    if case.decay in decays:
        w_log_RHN = torch.full_like(w_log_RHN, decays[case.decay])
    elif case.decay == "mixed":
        w_log_RHN = w_log_RHN.masked_fill(normal(*shape) > 1, -torch.inf)
    heads = shape[1:]
    arguments = {
        "r_RHN": normal(*shape),
        "w_log_RHN": w_log_RHN,
        "k_RHN": normal(*shape),
        "v_RHN": normal(*shape),
        "bonus_HN": normal(*heads),
        "state_SHKV": normal(case.num_slots, *heads, case.head_size),
    }
    return exact(arguments | case.packing())
