"""The time mix of RWKV-7 (Goose, arXiv 2503.14456): a state that learns by the delta rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import HeadNorm, Weight, linear, mixtures
from longriver.engine.network.reader import Reader
from longriver.kernels import dispatch
from longriver.kernels.head_gate.bonus import Bonus
from longriver.kernels.wkv7_inputs.parts import Residual, Weights

# R packed rows · D width · H heads · N head size (K keys, V values) · S slots

MIXES = "rwkvag"
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
        return linear(linear(x_RD, self.down), self.up, self.bias)

    def tanh(self, x_RD: Tensor) -> Tensor:
        return linear(linear(x_RD, self.down).tanh_(), self.up, self.bias)

    def sigmoid(self, x_RD: Tensor) -> Tensor:
        return linear(linear(x_RD, self.down).sigmoid_(), self.up, self.bias)


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
    receptance: Weight
    key: Weight
    value: Weight
    output: Weight
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
    def matrices(self) -> Iterator[Weight]:
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
        v = linear(xv, self.value)
        feed = dispatch.wkv7_inputs(x.device.type, x.dtype)
        fed = feed(
            linear(xk, self.key),
            v,
            self.decay.tanh(xw),
            self.rate(xa),
            Weights(self.decay_bias, self.removal_scale, self.rate_scale),
            heads=tuple(self.bonus.shape),
            residual=self._residual(xv, v_first),
        )
        r_RHN = linear(xr, self.receptance).view(-1, *self.bonus.shape)
        y = dispatch.wkv7(x.device.type, wkv_SHKV.dtype)(
            r_RHN,
            *fed,
            state_SHKV=wkv_SHKV,
            cu_seqlens=batch.cu_seqlens,
            slots=batch.slots,
        )
        bonus = Bonus(r_RHN, fed.k_RHN, fed.v_RHN, self.bonus)
        out = self.norm.gated(y, self.gate.sigmoid(xg), bonus)
        return linear(out, self.output), v if v_first is None else v_first

    def _residual(self, xv_RD: Tensor, v_first: Tensor | None) -> Residual | None:
        if self.residual is None or v_first is None:
            return None
        return Residual(v_first, self.residual(xv_RD))


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
