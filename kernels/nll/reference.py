"""Negative log-likelihoods from the whole table of logits, in the number type of the inputs."""

import torch
from torch import Tensor


def head_nll(hidden_RD: Tensor, head_VD: Tensor, target_R: Tensor) -> Tensor:
    """Returns ``logsumexp(head h) - (head h)[target]`` for every row, [R], in nats."""
    logits_RV = hidden_RD @ head_VD.T
    chosen = logits_RV.gather(1, target_R.long()[:, None])[:, 0]
    return torch.logsumexp(logits_RV, dim=1) - chosen
