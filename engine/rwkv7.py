"""RWKV-7 "Goose" (arXiv 2503.14456): one forward pass over a packed batch."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.rwkv7_weights import ChannelMix, Norm, Rwkv7, TimeMix
from longriver.engine.state import State
from longriver.kernels import dispatch
from longriver.kernels.nll.blocked import head_nll

# R packed rows · D width · H heads · N head size · S slots

DECAY_SCALE = -math.exp(-0.5)
HEAD_NORM_EPS = 64e-5
"""64 · 1e-5 whatever the head size or the number of heads: BlinkDL's RWKV-LM, rwkv_v7_demo.py."""


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
