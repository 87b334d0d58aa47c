"""RWKV-7 with gradients, for training the embedded model; named as in BlinkDL's files."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longriver.kernels.wkv7.backward import wkv7_train

# B sequences · T tokens · D width · H heads · N head size · V vocabulary

HEAD_SIZE = 64
DECAY_SCALE = -math.exp(-0.5)
HEAD_NORM_EPS = 64e-5


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; ranks are those of the low-rank decay, rate, value and gate parts."""

    num_layers: int = 6
    width: int = 128
    vocab_size: int = 256
    decay_rank: int = 16
    rate_rank: int = 16
    value_rank: int = 16
    gate_rank: int = 32

    @property
    def num_heads(self) -> int:
        return self.width // HEAD_SIZE


@dataclass(frozen=True)
class LayerState:
    """What a layer remembers of each sequence: shifts [B, D] and wkv [B, H, K, V]."""

    att_shift: Tensor
    ffn_shift: Tensor
    wkv: Tensor


def zero_state(shape: Shape, batch: int) -> list[LayerState]:
    def zeros(*sizes: int) -> Tensor:
        return torch.zeros(batch, *sizes)

    matrix = (shape.num_heads, HEAD_SIZE, HEAD_SIZE)
    return [
        LayerState(zeros(shape.width), zeros(shape.width), zeros(*matrix))
        for _ in range(shape.num_layers)
    ]


class TimeMix(nn.Module):
    """The attention's place: token shift, decays and rates, WKV-7, gate."""

    x_r: nn.Parameter
    x_w: nn.Parameter
    x_k: nn.Parameter
    x_v: nn.Parameter
    x_a: nn.Parameter
    x_g: nn.Parameter
    w0: nn.Parameter
    w1: nn.Parameter
    w2: nn.Parameter
    a0: nn.Parameter
    a1: nn.Parameter
    a2: nn.Parameter
    v0: nn.Parameter
    v1: nn.Parameter
    v2: nn.Parameter
    receptance: nn.Linear
    key: nn.Linear
    value: nn.Linear
    output: nn.Linear

    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        D, depth = shape.width, layer / max(shape.num_layers - 1, 1)
        self.layer, self.num_heads = layer, shape.num_heads
        ramp = torch.linspace(0, 1, D)
        shrink = 1 - layer / shape.num_layers
        for name, power in (("r", 0.2), ("w", 0.9), ("k", 0.7), ("v", 0.7), ("a", 0.9), ("g", 0.2)):
            self.register_parameter(f"x_{name}", _mix(1 - ramp.pow(power * shrink)))
        zigzag = (torch.arange(D) % HEAD_SIZE - (HEAD_SIZE - 1) / 2) / ((HEAD_SIZE - 1) / 2)
        speed = -6 + 6 * ramp.pow(1 + depth**0.3)
        self._low_rank("w", shape.decay_rank, speed + 0.5 + 2.5 * zigzag * zigzag.abs())
        self._low_rank("a", shape.rate_rank, -0.19 + 0.3 * zigzag + 0.4 * (2 * ramp - 1))
        if layer > 0:
            self._low_rank("v", shape.value_rank, 0.73 - 0.4 * (2 * ramp - 1))
        self.g1 = nn.Parameter(torch.zeros(D, shape.gate_rank))
        self.g2 = nn.Parameter(_orthogonal(shape.gate_rank, D, 0.1))
        self.k_k = _mix(0.71 - 0.1 * (2 * ramp - 1))
        self.k_a = _mix(torch.full((D,), 1.02))
        self.r_k = nn.Parameter(torch.full((self.num_heads, HEAD_SIZE), -0.04))
        for name, scale in (("receptance", 0.5), ("key", 0.05), ("value", 0.5), ("output", 0.0)):
            self.add_module(name, _linear(D, D, scale))
        self.ln_x = nn.GroupNorm(self.num_heads, D, eps=HEAD_NORM_EPS)
        nn.init.constant_(self.ln_x.weight, ((1 + layer) / shape.num_layers) ** 0.7)

    def _low_rank(self, name: str, rank: int, bias: Tensor) -> None:
        D = len(bias)
        self.register_parameter(f"{name}0", _mix(bias))
        self.register_parameter(f"{name}1", nn.Parameter(torch.zeros(D, rank)))
        self.register_parameter(f"{name}2", nn.Parameter(_orthogonal(rank, D, 0.1)))

    def forward(
        self, x: Tensor, shift: Tensor, wkv: Tensor, v_first: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        delta = _shifted(x, shift) - x
        r = self.receptance(x + delta * self.x_r)
        k = self.key(x + delta * self.x_k)
        v = self.value(x + delta * self.x_v)
        rate = torch.sigmoid(self.a0 + (x + delta * self.x_a) @ self.a1 @ self.a2)
        gate = torch.sigmoid((x + delta * self.x_g) @ self.g1) @ self.g2
        decay_in = self.w0 + torch.tanh((x + delta * self.x_w) @ self.w1) @ self.w2
        decay = torch.exp(DECAY_SCALE * torch.sigmoid(decay_in))
        if v_first is None:
            v_first = v
        else:
            mix = torch.sigmoid(self.v0 + (x + delta * self.x_v) @ self.v1 @ self.v2)
            v = v + (v_first - v) * mix
        removal = F.normalize(self._heads(k * self.k_k), dim=-1)
        k = k * (1 + (rate - 1) * self.k_a)
        r, decay, k, values, rate = (self._heads(z) for z in (r, decay, k, v, rate))
        y, wkv = wkv7_train(r, decay, k, values, -removal, removal * rate, wkv)
        y = self.ln_x(y.flatten(0, 1).flatten(1)).view_as(x)
        bonus = (r * k * self.r_k).sum(-1, keepdim=True) * values
        return self.output((y + bonus.flatten(2)) * gate), wkv, v_first

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.num_heads, HEAD_SIZE)


class ChannelMix(nn.Module):
    """The feed-forward part: token shift and a squared ReLU."""

    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        D = shape.width
        shrink = 1 - layer / shape.num_layers
        self.x_k = _mix(1 - torch.linspace(0, 1, D).pow(shrink**4))
        self.key = _linear(D, 4 * D, 0.5)
        self.value = _linear(4 * D, D, 0.0)

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        hidden = torch.relu(self.key(x + (_shifted(x, shift) - x) * self.x_k)).square()
        out: Tensor = self.value(hidden)
        return out


class Block(nn.Module):
    """One layer; the first one also norms the embedding."""

    ln0: nn.LayerNorm

    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        if layer == 0:
            self.ln0 = nn.LayerNorm(shape.width)
        self.ln1, self.ln2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.att, self.ffn = TimeMix(shape, layer), ChannelMix(shape, layer)

    def forward(
        self, x: Tensor, state: LayerState, v_first: Tensor | None
    ) -> tuple[Tensor, LayerState, Tensor]:
        normed = self.ln1(x)
        mixed, wkv, v_first = self.att(normed, state.att_shift, state.wkv, v_first)
        x = x + mixed
        normed_ffn = self.ln2(x)
        x = x + self.ffn(normed_ffn, state.ffn_shift)
        return x, LayerState(normed[:, -1].detach(), normed_ffn[:, -1].detach(), wkv), v_first


class Network(nn.Module):
    """The whole model; the state of every sequence goes in and comes out, without gradient."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.emb = nn.Embedding(shape.vocab_size, shape.width)
        nn.init.uniform_(self.emb.weight, -1e-2, 1e-2)
        self.blocks = nn.ModuleList(Block(shape, i) for i in range(shape.num_layers))
        self.ln_out = nn.LayerNorm(shape.width)
        self.head = _linear(shape.width, shape.vocab_size, 0.5)

    def forward(
        self, tokens_BT: Tensor, state: list[LayerState]
    ) -> tuple[Tensor, list[LayerState]]:
        """Returns logits [B, T, V] and the state behind the last token."""
        first = self.blocks[0]
        assert isinstance(first, Block)
        x = first.ln0(self.emb(tokens_BT))
        v_first, after = None, []
        for block, before in zip(self.blocks, state, strict=True):
            x, layer_state, v_first = block(x, before, v_first)
            after.append(layer_state)
        return self.head(self.ln_out(x)), after


def _shifted(x: Tensor, shift: Tensor) -> Tensor:
    return torch.cat((shift[:, None], x[:, :-1]), dim=1)


def _mix(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.reshape(1, 1, -1).clone())


def _linear(num_in: int, num_out: int, scale: float) -> nn.Linear:
    linear = nn.Linear(num_in, num_out, bias=False)
    bound = scale / math.sqrt(num_in)
    nn.init.uniform_(linear.weight, -bound, bound)
    return linear


def _orthogonal(rows: int, columns: int, gain: float) -> Tensor:
    return nn.init.orthogonal_(torch.empty(rows, columns), gain=gain)
