"""What RWKV-7 adds to a normed head of the token itself."""

from typing import NamedTuple

from torch import Tensor


class Bonus(NamedTuple):
    """``(Σ r k weight) v`` of every head; [R, H, N] of any number type, weight [H, N] float32."""

    r_RHN: Tensor
    k_RHN: Tensor
    v_RHN: Tensor
    weight_HN: Tensor
