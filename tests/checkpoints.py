"""Random RWKV-7 checkpoints of any size, in BlinkDL's form, for tests."""

import torch
from torch import Tensor


def random_rwkv7(
    *,
    num_layers: int = 2,
    num_heads: int = 2,
    head_size: int = 64,
    vocab_size: int = 256,
    ranks: tuple[int, int, int, int] = (8, 12, 4, 16),
    seed: int = 0,
) -> dict[str, Tensor]:
    """Weights large enough that every part of the network matters to the logits."""
    generator = torch.Generator().manual_seed(seed)
    D, tensors = num_heads * head_size, {}

    def normal(*shape: int, scale: float = 1.0, mean: float = 0.0) -> Tensor:
        return mean + scale * torch.randn(*shape, generator=generator)

    def norm(key: str) -> None:
        tensors[f"{key}.weight"] = normal(D, scale=0.1, mean=1)
        tensors[f"{key}.bias"] = normal(D, scale=0.1)

    tensors["emb.weight"] = normal(vocab_size, D)
    tensors["head.weight"] = normal(vocab_size, D, scale=2 / D**0.5)
    norm("blocks.0.ln0")
    norm("ln_out")
    for i in range(num_layers):
        att, ffn = f"blocks.{i}.att", f"blocks.{i}.ffn"
        norm(f"blocks.{i}.ln1")
        norm(f"blocks.{i}.ln2")
        norm(f"{att}.ln_x")
        for letter in "rwkvag":
            tensors[f"{att}.x_{letter}"] = torch.rand(1, 1, D, generator=generator)
        for letter, rank in zip("wavg", ranks, strict=True):
            if letter == "v" and i == 0:
                continue
            tensors[f"{att}.{letter}1"] = normal(D, rank, scale=D**-0.5)
            tensors[f"{att}.{letter}2"] = normal(rank, D, scale=rank**-0.5)
            if letter != "g":
                tensors[f"{att}.{letter}0"] = normal(1, 1, D)
        tensors[f"{att}.k_k"] = normal(1, 1, D, scale=0.1, mean=0.8)
        tensors[f"{att}.k_a"] = normal(1, 1, D, scale=0.1, mean=1)
        tensors[f"{att}.r_k"] = normal(num_heads, head_size, scale=0.1)
        for name in ("receptance", "key", "value", "output"):
            tensors[f"{att}.{name}.weight"] = normal(D, D, scale=D**-0.5)
        tensors[f"{ffn}.x_k"] = torch.rand(1, 1, D, generator=generator)
        tensors[f"{ffn}.key.weight"] = normal(4 * D, D, scale=D**-0.5)
        tensors[f"{ffn}.value.weight"] = normal(D, 4 * D, scale=(4 * D) ** -0.5)
    return tensors
