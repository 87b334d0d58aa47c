"""Negative log-likelihoods block by block over rows and vocabulary, with a running log-sum-exp."""

import torch
from torch import Tensor

ROW_BLOCK, VOCAB_BLOCK = 512, 512
"""A tile of 1 MiB of float32 logits, which stays in a CPU's second-level cache."""


def head_nll(
    hidden_RD: Tensor,
    head_VD: Tensor,
    target_R: Tensor,
    *,
    row_block: int = ROW_BLOCK,
    vocab_block: int = VOCAB_BLOCK,
) -> Tensor:
    """Returns nats [R] in float32; the largest temporary is row_block by vocab_block."""
    hidden_blocks = torch.split(hidden_RD, row_block)
    target_blocks = torch.split(target_R, row_block)
    blocks = zip(hidden_blocks, target_blocks, strict=True)
    return torch.cat([_rows(hidden, head_VD, target, vocab_block) for hidden, target in blocks])


def _rows(hidden_RD: Tensor, head_VD: Tensor, target_R: Tensor, vocab_block: int) -> Tensor:
    rows = len(hidden_RD)
    largest = hidden_RD.new_full((rows,), float("-inf"), dtype=torch.float32)
    total = hidden_RD.new_zeros(rows, dtype=torch.float32)
    chosen = hidden_RD.new_zeros(rows, dtype=torch.float32)
    for start in range(0, len(head_VD), vocab_block):
        block_VD = head_VD[start : start + vocab_block]
        logits = torch.nn.functional.linear(hidden_RD, block_VD).float()
        local = target_R.long() - start
        inside = (local >= 0) & (local < len(block_VD))
        picked = logits.gather(1, local.clamp(0, len(block_VD) - 1)[:, None])[:, 0]
        chosen = torch.where(inside, picked, chosen)
        new_largest = torch.maximum(largest, logits.amax(dim=1))
        shrunk = total * torch.exp(largest - new_largest)
        total = shrunk + logits.sub_(new_largest[:, None]).exp_().sum(dim=1)
        largest = new_largest
    return largest + total.log() - chosen
