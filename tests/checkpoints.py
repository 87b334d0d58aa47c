"""Random RWKV checkpoints of any version and size, in BlinkDL's form, for tests."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.network import Network, load_network
from longriver.engine.version import Version

RANKS = (8, 12, 4, 16)


class _Weights:
    """Tensors large enough that every part of the network matters to the logits."""

    def __init__(self, width: int, seed: int) -> None:
        self.width, self.tensors = width, dict[str, Tensor]()
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, key: str, *shape: int, scale: float = 1.0, mean: float = 0.0) -> None:
        self.tensors[key] = mean + scale * torch.randn(*shape, generator=self.generator)

    def uniform(self, key: str, *shape: int, low: float = 0.0, high: float = 1.0) -> None:
        self.tensors[key] = low + (high - low) * torch.rand(*shape, generator=self.generator)

    def linear(self, key: str, out: int, inside: int, scale: float = 1.0) -> None:
        self.normal(f"{key}.weight", out, inside, scale=scale * inside**-0.5)

    def mixes(self, prefix: str, letters: str) -> None:
        for letter in letters:
            self.uniform(f"{prefix}_{letter}", 1, 1, self.width)

    def norm(self, key: str) -> None:
        self.normal(f"{key}.weight", self.width, scale=0.1, mean=1)
        self.normal(f"{key}.bias", self.width, scale=0.1)

    def skeleton(self, vocab_size: int, num_layers: int) -> None:
        self.normal("emb.weight", vocab_size, self.width)
        self.linear("head", vocab_size, self.width)
        self.norm("blocks.0.ln0")
        self.norm("ln_out")
        for i in range(num_layers):
            self.norm(f"blocks.{i}.ln1")
            self.norm(f"blocks.{i}.ln2")


def random_rwkv(
    version: Version,
    *,
    num_layers: int = 2,
    num_heads: int = 2,
    head_size: int = 64,
    vocab_size: int = 256,
    ranks: tuple[int, int, int, int] = RANKS,
    seed: int = 0,
) -> dict[str, Tensor]:
    """A checkpoint of a version; RWKV-4 takes the width of so many heads.

    Args:
        ranks: in version 7 those of w, a, v and g; in 6 those of the mixes and of the decay; the
            others have none.
    """
    if version == Version.V7:
        return random_rwkv7(
            num_layers=num_layers,
            num_heads=num_heads,
            head_size=head_size,
            vocab_size=vocab_size,
            ranks=ranks,
            seed=seed,
        )
    w = _Weights(num_heads * head_size, seed)
    w.skeleton(vocab_size, num_layers)
    for i in range(num_layers):
        att, ffn = f"blocks.{i}.att", f"blocks.{i}.ffn"
        for name in ("key", "value", "output"):
            w.linear(f"{att}.{name}", w.width, w.width)
        # small, or GroupNorm would blow up the rounding of r · k where that is nearly nothing
        w.linear(f"{att}.receptance", w.width, w.width, scale=1 if version == Version.V4 else 0.01)
        _gated_channel_mix(w, ffn, "time_maa" if version == Version.V6 else "time_mix")
        if version == Version.V4:
            _time_mix4(w, att)
        elif version == Version.V6:
            _time_mix6(w, att, num_heads, head_size, ranks)
        else:
            _time_mix5(w, att, version, num_heads, head_size)
    return w.tensors


def _gated_channel_mix(w: _Weights, ffn: str, mix: str) -> None:
    inside = 7 * w.width // 2
    w.mixes(f"{ffn}.{mix}", "kr")
    w.linear(f"{ffn}.key", inside, w.width)
    w.linear(f"{ffn}.receptance", w.width, w.width)
    w.linear(f"{ffn}.value", w.width, inside)


def _time_mix4(w: _Weights, att: str) -> None:
    w.mixes(f"{att}.time_mix", "kvr")
    w.uniform(f"{att}.time_decay", w.width, low=-6, high=2)
    w.normal(f"{att}.time_first", w.width)


def _time_mix5(w: _Weights, att: str, version: Version, H: int, N: int) -> None:
    w.mixes(f"{att}.time_mix", "kvr" if version == Version.V5_0 else "kvrg")
    w.norm(f"{att}.ln_x")
    if version != Version.V5_0:
        w.linear(f"{att}.gate", w.width, w.width)
    shape = (H, N) if version == Version.V5_2 else (H,)
    w.uniform(f"{att}.time_decay", *shape, low=-6, high=1)
    w.normal(f"{att}.time_{'faaaa' if version == Version.V5_2 else 'first'}", *shape)


def _time_mix6(w: _Weights, att: str, H: int, N: int, ranks: tuple[int, ...]) -> None:
    mix_rank, decay_rank, *_ = ranks
    w.mixes(f"{att}.time_maa", "xwkvrg")
    w.norm(f"{att}.ln_x")
    w.linear(f"{att}.gate", w.width, w.width)
    w.normal(f"{att}.time_maa_w1", w.width, 5 * mix_rank, scale=w.width**-0.5)
    w.normal(f"{att}.time_maa_w2", 5, mix_rank, w.width, scale=mix_rank**-0.5)
    w.uniform(f"{att}.time_decay", 1, 1, w.width, low=-6, high=1)
    w.normal(f"{att}.time_decay_w1", w.width, decay_rank, scale=w.width**-0.5)
    w.normal(f"{att}.time_decay_w2", decay_rank, w.width, scale=decay_rank**-0.5)
    w.normal(f"{att}.time_faaaa", H, N)


def random_rwkv7(
    *,
    num_layers: int = 2,
    num_heads: int = 2,
    head_size: int = 64,
    vocab_size: int = 256,
    ranks: tuple[int, int, int, int] = RANKS,
    seed: int = 0,
) -> dict[str, Tensor]:
    """A checkpoint of RWKV-7; ``ranks`` are those of w, a, v and g."""
    D = num_heads * head_size
    w = _Weights(D, seed)
    w.skeleton(vocab_size, num_layers)
    for i in range(num_layers):
        att, ffn = f"blocks.{i}.att", f"blocks.{i}.ffn"
        w.norm(f"{att}.ln_x")
        w.mixes(f"{att}.x", "rwkvag")
        for letter, rank in zip("wavg", ranks, strict=True):
            if letter == "v" and i == 0:
                continue
            w.normal(f"{att}.{letter}1", D, rank, scale=D**-0.5)
            w.normal(f"{att}.{letter}2", rank, D, scale=rank**-0.5)
            if letter != "g":
                w.normal(f"{att}.{letter}0", 1, 1, D)
        w.normal(f"{att}.k_k", 1, 1, D, scale=0.1, mean=0.8)
        w.normal(f"{att}.k_a", 1, 1, D, scale=0.1, mean=1)
        w.normal(f"{att}.r_k", num_heads, head_size, scale=0.1)
        for name in ("receptance", "key", "value", "output"):
            w.linear(f"{att}.{name}", D, D)
        w.mixes(f"{ffn}.x", "k")
        w.linear(f"{ffn}.key", 4 * D, D)
        w.linear(f"{ffn}.value", D, 4 * D)
    return w.tensors


def saved(tensors: dict[str, Tensor], path: Path) -> Path:
    """Writes a checkpoint in the format that the file's name asks for."""
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


def loaded(
    path: Path | str, dtype: torch.dtype = torch.float32, device: str = "cpu", **model: object
) -> Network:
    """The network in a file, as ``model.path`` names it."""
    config = ModelConfig.model_validate({"path": str(path), **model})
    return load_network(config, torch.device(device), dtype)


def network_of(tensors: dict[str, Tensor], dtype: torch.dtype = torch.float32) -> Network:
    """The network that a file with these tensors would be."""
    with TemporaryDirectory() as folder:
        return loaded(saved(tensors, Path(folder) / "model.pth"), dtype)
