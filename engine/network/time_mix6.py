"""The time mix of RWKV-6 (Finch, arXiv 2404.05892): shift and decay depend on the token."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import HeadNorm, Weight, linear, linear_float
from longriver.engine.network.reader import Reader
from longriver.engine.network.time_mix5 import FLOPS_PER_ENTRY
from longriver.kernels import dispatch
from longriver.kernels.token_mix.torch_any import before

# R packed rows · D width · H heads · N head size (K keys, V values) · S slots

LETTERS = "wkvrg"
"""The order in which the file stacks what is learnt of the five mixes."""


@dataclass(frozen=True, slots=True)
class TokenMix:
    """The data-dependent lerp: five mixtures of a token and the one before.

    first:  [D], the mixture that the others are made from.
    static: one [D] for each of ``LETTERS``.
    down:   [5 · rank, D], and up: one [D, rank] for each of ``LETTERS``.
    """

    first: Tensor
    static: tuple[Tensor, ...]
    down: Tensor
    up: tuple[Tensor, ...]

    def __call__(self, x_RD: Tensor, delta_RD: Tensor) -> Iterator[Tensor]:
        learnt = torch.tanh(linear(torch.addcmul(x_RD, delta_RD, self.first), self.down))
        for static, up, part in zip(self.static, self.up, learnt.chunk(5, dim=1), strict=True):
            yield torch.addcmul(x_RD, delta_RD, static + linear(part.contiguous(), up))


@dataclass(frozen=True, slots=True)
class TimeMix6:
    """Weights of a time mix, linear ones as [out, in].

    decay, bonus: [D] and [H, N] float32, ``time_decay`` and ``u``.
    decay_down, decay_up: [rank, D] and [D, rank], what a token adds to its decay.
    """

    mix: TokenMix
    decay: Tensor
    decay_down: Tensor
    decay_up: Tensor
    bonus: Tensor
    receptance: Weight
    key: Weight
    value: Weight
    gate: Weight
    output: Weight
    norm: HeadNorm

    @property
    def matrices(self) -> Iterator[Weight]:
        yield from (self.receptance, self.key, self.value, self.gate, self.output)
        yield from (self.mix.down, *self.mix.up, self.decay_down, self.decay_up)

    @property
    def scan_flops(self) -> int:
        return FLOPS_PER_ENTRY * self.bonus.numel() * self.bonus.shape[1]

    def __call__(
        self, x: Tensor, batch: Batch, last_SD: Tensor, wkv_SHKV: Tensor, v_first: Tensor | None
    ) -> tuple[Tensor, None]:
        cu_seqlens, slots = batch.cu_seqlens, batch.slots
        delta = before(x, last_SD=last_SD, cu_seqlens=cu_seqlens, slots=slots) - x
        xw, xk, xv, xr, xg = self.mix(x, delta)
        heads = (-1, *self.bonus.shape)
        scan = dispatch.wkv6(x.device.type, wkv_SHKV.dtype)
        y = scan(
            linear_float(xr, self.receptance).view(heads),
            self._log_decay(xw).view(heads),
            linear_float(xk, self.key).view(heads),
            linear_float(xv, self.value).view(heads),
            self.bonus,
            state_SHKV=wkv_SHKV,
            cu_seqlens=cu_seqlens,
            slots=slots,
        )
        gate = F.silu(linear(xg, self.gate))
        return linear(self.norm.gated(y, gate), self.output), None

    def _log_decay(self, xw_RD: Tensor) -> Tensor:
        learnt = linear(torch.tanh(linear(xw_RD, self.decay_down)), self.decay_up)
        return torch.exp(self.decay + learnt.float()).neg_()


def read_time_mix(
    reader: Reader, att: str, heads: tuple[int, int], rescale: float, eps: float
) -> TimeMix6:
    """The time mix under the key prefix ``att``; see ``Network`` for ``rescale``."""
    D = reader.width
    rank = reader.shape(f"{att}.time_decay_w1", 2)[1]
    return TimeMix6(
        mix=_read_token_mix(reader, att),
        decay=reader.float_vector(f"{att}.time_decay"),
        decay_down=reader.transposed(f"{att}.time_decay_w1", (D, rank)),
        decay_up=reader.transposed(f"{att}.time_decay_w2", (rank, D)),
        bonus=reader.float_tensor(f"{att}.time_faaaa", heads),
        receptance=reader.weight(f"{att}.receptance.weight", (D, D)),
        key=reader.weight(f"{att}.key.weight", (D, D)),
        value=reader.weight(f"{att}.value.weight", (D, D)),
        gate=reader.weight(f"{att}.gate.weight", (D, D)),
        output=reader.weight(f"{att}.output.weight", (D, D), divisor=rescale),
        norm=reader.head_norm(f"{att}.ln_x", eps),
    )


def _read_token_mix(reader: Reader, att: str) -> TokenMix:
    D, key = reader.width, f"{att}.time_maa_w2"
    rank = reader.shape(key, 3)[1]
    ups = reader.take(key, (len(LETTERS), rank, D)).to(reader.device, reader.dtype)
    return TokenMix(
        first=reader.vector(f"{att}.time_maa_x"),
        static=tuple(reader.vector(f"{att}.time_maa_{letter}") for letter in LETTERS),
        down=reader.transposed(f"{att}.time_maa_w1", (D, len(LETTERS) * rank)),
        up=tuple(up.T.contiguous() for up in ups),
    )
