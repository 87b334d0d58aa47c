"""RWKV-7 "Goose" (arXiv 2503.14456): weights by layer, and one forward pass over a packed batch."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.state import State
from longriver.kernels import dispatch
from longriver.kernels.nll.blocked import head_nll

# R packed rows · D width · H heads · N head size · V vocabulary · S slots

DECAY_SCALE = -math.exp(-0.5)
NORM_EPS = 1e-5
HEAD_NORM_EPS = 64e-5
"""64 · 1e-5 whatever the head size or the number of heads: BlinkDL's RWKV-LM, rwkv_v7_demo.py."""


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


def forward(model: Rwkv7, batch: Batch, state: State) -> tuple[Tensor, State]:
    """Reads a packed batch; returns the normed hidden vectors [R, D] and the state behind it.

    The state that goes in is used up: its memory becomes the state that comes out.
    """
    x_RD = model.norm_in(F.embedding(batch.tokens, model.embedding).to(model.head.dtype))
    v_first = None
    for index, layer in enumerate(model.layers):
        shift_SD, wkv = state.shift[index], state.wkv[index]
        mixed, v_first = _time_mix(
            layer.att, layer.norm_att(x_RD), batch, shift_SD[0], wkv, v_first
        )
        x_RD = x_RD + mixed
        x_RD = x_RD + _channel_mix(layer.ffn, layer.norm_ffn(x_RD), batch, shift_SD[1])
    return model.norm_out(x_RD), state


def nll(model: Rwkv7, hidden_RD: Tensor, batch: Batch) -> Tensor:
    """Nats of every target of the batch, [num_tokens] float32."""
    return head_nll(hidden_RD, model.head, batch.targets)[: batch.num_tokens]


def _time_mix(
    layer: TimeMix, x: Tensor, batch: Batch, last_SD: Tensor, wkv: Tensor, v_first: Tensor | None
) -> tuple[Tensor, Tensor]:
    delta = _shift(x, batch, last_SD) - x
    xv = torch.addcmul(x, delta, layer.mix.v)
    r = F.linear(torch.addcmul(x, delta, layer.mix.r), layer.receptance)
    k = F.linear(torch.addcmul(x, delta, layer.mix.k), layer.key)
    v = F.linear(xv, layer.value)
    decay = layer.decay.tanh(torch.addcmul(x, delta, layer.mix.w))
    w_log = DECAY_SCALE * torch.sigmoid(decay.float())
    rate = torch.sigmoid(layer.rate(torch.addcmul(x, delta, layer.mix.a)))
    gate = layer.gate.sigmoid(torch.addcmul(x, delta, layer.mix.g))
    if layer.residual is None or v_first is None:
        v_first = v
    else:
        v = torch.lerp(v, v_first, torch.sigmoid(layer.residual(xv)))
    heads = (-1, *layer.bonus.shape)
    removal = F.normalize((k * layer.removal_scale).float().view(heads), dim=2)
    k = k * torch.addcmul(1 - layer.rate_scale, rate, layer.rate_scale)
    r, k, v_heads, rate, w_log = (z.float().view(heads) for z in (r, k, v, rate, w_log))
    scan = dispatch.wkv7(x.device.type, wkv.dtype)
    y = scan(
        r,
        w_log,
        k,
        v_heads,
        -removal,
        removal * rate,
        state_SHKV=wkv,
        cu_seqlens=batch.cu_seqlens,
        slots=batch.slots,
    )
    y = _head_norm(y, layer.norm)
    y = y + (r * k * layer.bonus).sum(dim=2, keepdim=True) * v_heads
    return F.linear(y.flatten(1).to(gate.dtype) * gate, layer.output), v_first


def _channel_mix(layer: ChannelMix, x: Tensor, batch: Batch, last_SD: Tensor) -> Tensor:
    mixed = torch.addcmul(x, _shift(x, batch, last_SD) - x, layer.mix_k)
    return F.linear(torch.relu(F.linear(mixed, layer.key)).square(), layer.value)


def _shift(x_RD: Tensor, batch: Batch, last_SD: Tensor) -> Tensor:
    """The row before each row of the same document; the state keeps each segment's last one."""
    before = torch.empty_like(x_RD)
    before[1:] = x_RD[:-1]
    before[0] = 0
    slots = batch.slots.long()
    before[batch.starts] = last_SD[slots].to(x_RD.dtype)
    last_SD[slots] = x_RD[batch.ends].float()
    return before


def _head_norm(y_RHN: Tensor, norm: Norm) -> Tensor:
    heads = y_RHN.shape[1]
    flat = F.group_norm(y_RHN.flatten(1), heads, norm.weight, norm.bias, HEAD_NORM_EPS)
    return flat.view_as(y_RHN)
