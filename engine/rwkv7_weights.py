"""The weights of RWKV-7 by layer, in the paper's order; every size is that of the tensors."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.state import State

# R packed rows · D width · H heads · N head size · V vocabulary

NORM_EPS = 1e-5


@dataclass(frozen=True, slots=True)
class Norm:
    weight: Tensor
    bias: Tensor

    def __call__(self, x_RD: Tensor) -> Tensor:
        return F.layer_norm(x_RD, self.weight.shape, self.weight, self.bias, NORM_EPS)


@dataclass(frozen=True, slots=True)
class LowRank:
    """``x → up(act(down(x))) + bias``; down is [rank, D] and up is [D, rank]."""

    down: Tensor
    up: Tensor
    bias: Tensor | None

    def __call__(self, x_RD: Tensor) -> Tensor:
        return F.linear(F.linear(x_RD, self.down), self.up, self.bias)

    def tanh(self, x_RD: Tensor) -> Tensor:
        return F.linear(torch.tanh(F.linear(x_RD, self.down)), self.up, self.bias)

    def sigmoid(self, x_RD: Tensor) -> Tensor:
        return F.linear(torch.sigmoid(F.linear(x_RD, self.down)), self.up, self.bias)


@dataclass(frozen=True, slots=True)
class Mixes:
    """How far each channel [D] looks at the token before, for each of what is made of it."""

    r: Tensor
    w: Tensor
    k: Tensor
    v: Tensor
    a: Tensor
    g: Tensor


@dataclass(frozen=True, slots=True)
class TimeMix:
    """Weights of a time mix, linear ones as [out, in].

    decay, rate, residual, gate: w, a, v and g in the paper's letters; layer 0 has no residual.
    removal_scale, rate_scale:   k_k and k_a [D].
    bonus:                       r_k [H, N].
    """

    mix: Mixes
    receptance: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    decay: LowRank
    rate: LowRank
    residual: LowRank | None
    gate: LowRank
    removal_scale: Tensor
    rate_scale: Tensor
    bonus: Tensor
    norm: Norm


@dataclass(frozen=True, slots=True)
class ChannelMix:
    mix_k: Tensor
    key: Tensor
    value: Tensor


@dataclass(frozen=True, slots=True)
class Layer:
    norm_att: Norm
    att: TimeMix
    norm_ffn: Norm
    ffn: ChannelMix


@dataclass(frozen=True, slots=True)
class Rwkv7:
    """The whole network; ``embedding`` keeps the file's number type, it is only looked up."""

    embedding: Tensor
    norm_in: Norm
    layers: tuple[Layer, ...]
    norm_out: Norm
    head: Tensor

    @property
    def matrices(self) -> Iterator[Tensor]:
        """Everything that rows are multiplied with, the head aside."""
        for layer in self.layers:
            att, ffn = layer.att, layer.ffn
            yield from (att.receptance, att.key, att.value, att.output, ffn.key, ffn.value)
            for low_rank in (att.decay, att.rate, att.residual, att.gate):
                if low_rank is not None:
                    yield from (low_rank.down, low_rank.up)

    @property
    def num_heads(self) -> int:
        return self.layers[0].att.bonus.shape[0]

    @property
    def head_size(self) -> int:
        return self.layers[0].att.bonus.shape[1]

    @property
    def vocab_size(self) -> int:
        return len(self.embedding)

    @property
    def device(self) -> torch.device:
        return self.head.device

    def zero_state(self, num_slots: int) -> State:
        """The state of ``num_slots`` documents before their first token."""
        return State.zeros(len(self.layers), num_slots, self.num_heads, self.head_size, self.device)
