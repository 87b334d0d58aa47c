"""Gradients of the training kernel against autograd through a float64 loop."""

import pytest
import torch
from torch import Tensor

from longriver.kernels.wkv7.backward import wkv7_train
from tests.kernels.cases import Case
from tests.kernels.wkv7_cases import inputs

B, T, H, N = 2, 37, 2, 64


def slow_wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> Tensor:
    outputs = []
    for t in range(T):
        removed = a[:, t, :, None] @ S
        S = (
            w[:, t, :, :, None] * S
            + b[:, t, :, :, None] * removed
            + k[:, t, :, :, None] * v[:, t, :, None]
        )
        outputs.append((r[:, t, :, None] @ S)[:, :, 0])
    return torch.stack(outputs, dim=1)


@pytest.mark.long
def test_outputs_and_gradients_match_autograd() -> None:
    packed = inputs(Case("packed", (B * T,), (0,), num_heads=H, head_size=N))
    names = ("r_RHN", "w_log_RHN", "k_RHN", "v_RHN", "a_RHN", "b_RHN")
    exact = [packed[name][: B * T].view(B, T, H, N).clone() for name in names]
    exact[1] = exact[1].exp()
    state = torch.randn(B, H, N, N, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    slow = [x.clone().requires_grad_() for x in exact]
    fast = [x.float().requires_grad_() for x in exact]
    weights = torch.randn(B, T, H, N, generator=torch.Generator().manual_seed(2))
    expected = slow_wkv7(slow[0], slow[1], slow[2], slow[3], slow[4], slow[5], state)
    found, _ = wkv7_train(fast[0], fast[1], fast[2], fast[3], fast[4], fast[5], state.float())
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    assert torch.allclose(found.double(), expected, atol=1e-4, rtol=1e-5)
    for x, y in zip(fast, slow, strict=True):
        assert x.grad is not None and y.grad is not None
        assert float((x.grad - y.grad).norm() / y.grad.norm()) < 2e-6
