"""What goes into WKV-7's inputs beside the projections, and what comes out."""

from typing import NamedTuple

from torch import Tensor

# R rows · D width · H heads · N head size


class Weights(NamedTuple):
    """``w0`` float32, ``k_k`` and ``k_a`` in the number type of the activations, each [D]."""

    decay_bias_D: Tensor
    removal_scale_D: Tensor
    rate_scale_D: Tensor


class Residual(NamedTuple):
    """The value of the first layer, and before the logistic function how much of it is taken."""

    first_RD: Tensor
    share_RD: Tensor


class Inputs(NamedTuple):
    """[R, H, N] float32, as ``wkv7`` takes them."""

    w_log_RHN: Tensor
    k_RHN: Tensor
    v_RHN: Tensor
    a_RHN: Tensor
    b_RHN: Tensor
