"""The time mix of RWKV-7 (Goose, arXiv 2503.14456): a state that learns by the delta rule."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import HeadNorm, mixtures
from longriver.engine.network.reader import Reader
from longriver.kernels import dispatch

# R packed rows · D width · H heads · N head size (K keys, V values) · S slots

MIXES = "rwkvag"
DECAY_SCALE = -math.exp(-0.5)
FIRST = "blocks.0.att"
"""Of the first layer, which has no value residual."""
FLOPS_PER_ENTRY = 7
"""Of a head's state for one token: read for removal, decayed, changed, added to, and read."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """``x → up(act(down(x))) + bias``; down is [rank, D], up is [D, rank]."""

    down: Tensor
    up: Tensor
    bias: Tensor | None = None

    def __call__(self, x_RD: Tensor) -> Tensor:
        return F.linear(F.linear(x_RD, self.down), self.up, self.bias)

    def tanh(self, x_RD: Tensor) -> Tensor:
        return F.linear(F.linear(x_RD, self.down).tanh_(), self.up, self.bias)

    def sigmoid(self, x_RD: Tensor) -> Tensor:
        return F.linear(F.linear(x_RD, self.down).sigmoid_(), self.up, self.bias)


@dataclass(frozen=True, slots=True)
class TimeMix7:
    """Weights of a time mix, linear ones as [out, in].

    mix:                         [6, D], how far channels look at the token before, for ``MIXES``.
    decay, rate, residual, gate: w, a, v and g in the paper's letters; layer 0 has no residual.
    decay_bias:                  [D] float32, w0.
    removal_scale, rate_scale:   k_k and k_a [D].
    bonus:                       r_k [H, N] float32.
    """

    mix: Tensor
    receptance: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    decay: LowRank
    decay_bias: Tensor
    rate: LowRank
    residual: LowRank | None
    gate: LowRank
    removal_scale: Tensor
    rate_scale: Tensor
    bonus: Tensor
    norm: HeadNorm

    @property
    def matrices(self) -> Iterator[Tensor]:
        yield from (self.receptance, self.key, self.value, self.output)
        for low_rank in (self.decay, self.rate, self.residual, self.gate):
            if low_rank is not None:
                yield from (low_rank.down, low_rank.up)

    @property
    def scan_flops(self) -> int:
        return FLOPS_PER_ENTRY * self.bonus.numel() * self.bonus.shape[1]

    def __call__(
        self, x: Tensor, batch: Batch, last_SD: Tensor, wkv_SHKV: Tensor, v_first: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        xr, xw, xk, xv, xa, xg = mixtures(x, self.mix, batch, last_SD)
        r, k = F.linear(xr, self.receptance), F.linear(xk, self.key)
        v, v_first = self._value(xv, v_first)
        w_log = self._log_decay(xw)
        rate = self.rate(xa).sigmoid_()
        gate = self.gate.sigmoid(xg)
        heads = (-1, *self.bonus.shape)
        removal = F.normalize((k * self.removal_scale).float().view(heads), dim=2)
        k = k * torch.addcmul(1 - self.rate_scale, rate, self.rate_scale)
        r, k, v, rate, w_log = (z.float().view(heads) for z in (r, k, v, rate, w_log))
        y = dispatch.wkv7(x.device.type, wkv_SHKV.dtype)(
            r,
            w_log,
            k,
            v,
            -removal,
            removal * rate,
            state_SHKV=wkv_SHKV,
            cu_seqlens=batch.cu_seqlens,
            slots=batch.slots,
        )
        now = (r * k * self.bonus).sum(dim=2, keepdim=True) * v
        out = (self.norm(y) + now.flatten(1)).to(gate.dtype)
        return F.linear(out * gate, self.output), v_first

    def _log_decay(self, xw_RD: Tensor) -> Tensor:
        return (self.decay.tanh(xw_RD).float() + self.decay_bias).sigmoid_().mul_(DECAY_SCALE)

    def _value(self, xv_RD: Tensor, v_first: Tensor | None) -> tuple[Tensor, Tensor]:
        v = F.linear(xv_RD, self.value)
        if self.residual is None or v_first is None:
            return v, v
        return torch.addcmul(v, v_first - v, self.residual(xv_RD).sigmoid_()), v_first


def read_time_mix(reader: Reader, att: str, heads: tuple[int, int], eps: float) -> TimeMix7:
    """The time mix under the key prefix ``att``."""
    D = reader.width
    return TimeMix7(
        mix=reader.mixes(f"{att}.x_{letter}" for letter in MIXES),
        receptance=reader.weight(f"{att}.receptance.weight", (D, D)),
        key=reader.weight(f"{att}.key.weight", (D, D)),
        value=reader.weight(f"{att}.value.weight", (D, D)),
        output=reader.weight(f"{att}.output.weight", (D, D)),
        decay=_low_rank(reader, att, "w"),
        decay_bias=reader.float_vector(f"{att}.w0"),
        rate=_low_rank(reader, att, "a", f"{att}.a0"),
        residual=_low_rank(reader, att, "v", f"{att}.v0") if att != FIRST else None,
        gate=_low_rank(reader, att, "g"),
        removal_scale=reader.vector(f"{att}.k_k"),
        rate_scale=reader.vector(f"{att}.k_a"),
        bonus=reader.float_tensor(f"{att}.r_k", heads),
        norm=reader.head_norm(f"{att}.ln_x", eps),
    )


def _low_rank(reader: Reader, att: str, letter: str, bias: str | None = None) -> LowRank:
    D, rank = reader.width, reader.shape(f"{att}.{letter}1", 2)[1]
    return LowRank(
        reader.transposed(f"{att}.{letter}1", (D, rank)),
        reader.transposed(f"{att}.{letter}2", (rank, D)),
        None if bias is None else reader.vector(bias),
    )
