"""``x Wᵀ + b`` in float64."""

from torch import Tensor

# R rows · I inputs · O outputs


def linear(x_RI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """Returns [R, O]."""
    product = x_RI.double() @ weight_OI.double().T
    return product if bias_O is None else product + bias_O.double()
