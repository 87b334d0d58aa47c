"""The references of WKV-4 and WKV-6 against the sums over all of the past that they stand for."""

import torch

from longriver.kernels.wkv4.reference import wkv4
from longriver.kernels.wkv6.reference import wkv6
from tests.kernels import wkv4_cases, wkv6_cases
from tests.kernels.cases import Case

T = 12
CASE = Case("one", (T,), (0,), num_heads=2, head_size=5)


def test_wkv4_is_the_weighted_mean_of_the_past() -> None:
    x = wkv4_cases.inputs(CASE)
    found = wkv4(**x)
    k, v, w = x["k_RD"], x["v_RD"], x["decay_D"]
    for t in range(T):
        exponents = [(t - 1 - s) * w + k[s] for s in range(t)] + [x["bonus_D"] + k[t]]
        weights = torch.stack(exponents).softmax(dim=0)
        assert torch.allclose(found[t], (weights * v[: t + 1]).sum(dim=0), rtol=1e-12)


def test_wkv6_is_the_sum_of_what_the_past_left() -> None:
    x = wkv6_cases.inputs(CASE)
    S, w = x["state_SHKV"][0].clone(), x["w_log_RHN"]
    found = wkv6(**x)
    for t in range(T):
        left = [w[s + 1 : t].sum(dim=0).exp() for s in range(t)] + [x["bonus_HN"]]
        weights = torch.einsum(
            "hi,shi,shi->sh", x["r_RHN"][t], torch.stack(left), x["k_RHN"][: t + 1]
        )
        expected = torch.einsum("sh,shj->hj", weights, x["v_RHN"][: t + 1])
        expected += torch.einsum("hi,hi,hij->hj", x["r_RHN"][t], w[:t].sum(dim=0).exp(), S)
        assert torch.allclose(found[t], expected, rtol=1e-10)
