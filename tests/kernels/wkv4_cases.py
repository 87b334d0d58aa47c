"""The case list that every WKV-4 implementation is held against; its width is heads times size."""

import torch
from torch import Tensor

from tests.kernels.cases import LAYOUTS, Case, Normal, exact

FRESH = (0.0, 0.0, -1e30)

CASES = (
    *LAYOUTS,
    Case("strongest decay", (130, 7), (0, 1), decay="strongest"),
    Case("total decay", (130, 7), (0, 1), decay="total"),
    Case("almost no decay", (130, 7), (0, 1), decay="weak", tolerance=1e-5),
    Case("huge keys", (130, 7), (1, 0), decay="huge keys", tolerance=1e-5),
)


def inputs(case: Case, *, seed: int = 0) -> dict[str, Tensor]:
    """Float64 arguments of ``wkv4``; slots of even number are as before the first token."""
    normal, rows, width = Normal(seed), case.rows[0], case.num_heads * case.head_size
    decays = {"strongest": -150.0, "total": -torch.inf, "weak": -1e-4}
    decay_D = -normal(width).exp()
    if case.decay in decays:
        decay_D = torch.full_like(decay_D, decays[case.decay])
    bb = normal(case.num_slots, width).exp()
    state_S3D = torch.stack((normal(*bb.shape) * bb, bb, normal(*bb.shape)), dim=1)
    state_S3D[::2] = torch.tensor(FRESH, dtype=torch.float64)[:, None]
    keys = normal(rows, width) * (30 if case.decay == "huge keys" else 2)
    arguments = {
        "k_RD": keys.clamp(-60, 60),
        "v_RD": normal(rows, width),
        "decay_D": decay_D,
        "bonus_D": normal(width),
        "state_S3D": state_S3D,
    }
    return exact(arguments | case.packing())


def memory(state_S3D: Tensor) -> Tensor:
    """What is unique of a state: the mean, and the log of the weight behind it."""
    aa, bb, pp = state_S3D.double().unbind(dim=1)
    return torch.stack((aa / bb, pp + bb.log()), dim=1)
