"""The time mix of RWKV-5 (Eagle, arXiv 2404.05892, and its forerunners 5.0 and 5.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import HeadNorm, Weight, linear, linear_float, mixtures
from longriver.engine.network.reader import Reader
from longriver.engine.version import Version
from longriver.kernels import dispatch

# R packed rows · D width · H heads · N head size (K keys, V values) · S slots

MIXES = "rkvg"
"""What is made of a token and the one before; 5.0 has no gate."""
FLOPS_PER_ENTRY = 5
"""Of a head's state for one token: decayed, added to, and read."""


@dataclass(frozen=True, slots=True)
class TimeMix5:
    """Weights of a time mix; the decay is each channel's own (5.2) or each head's (5.0, 5.1).

    mix:          [3 or 4, D], how far each channel looks at the token before, for ``MIXES``.
    decay, bonus: [H, N] float32, the log of what a token leaves of the past, and ``u``.
    """

    mix: Tensor
    decay: Tensor
    bonus: Tensor
    receptance: Weight
    key: Weight
    value: Weight
    gate: Weight | None
    output: Weight
    norm: HeadNorm

    @property
    def matrices(self) -> Iterator[Weight]:
        yield from (self.receptance, self.key, self.value, self.output)
        if self.gate is not None:
            yield self.gate

    @property
    def scan_flops(self) -> int:
        return FLOPS_PER_ENTRY * self.bonus.numel() * self.bonus.shape[1]

    def __call__(
        self, x: Tensor, batch: Batch, last_SD: Tensor, wkv_SHKV: Tensor, v_first: Tensor | None
    ) -> tuple[Tensor, None]:
        xr, xk, xv, *rest = mixtures(x, self.mix, batch, last_SD)
        heads = (-1, *self.bonus.shape)
        r, k = linear_float(xr, self.receptance), linear_float(xk, self.key)
        v = linear_float(xv, self.value)
        scan = dispatch.wkv6(x.device.type, wkv_SHKV.dtype)
        y = scan(
            r.view(heads),
            self.decay.expand(len(x), -1, -1),
            k.view(heads),
            v.view(heads),
            self.bonus,
            state_SHKV=wkv_SHKV,
            cu_seqlens=batch.cu_seqlens,
            slots=batch.slots,
        )
        if self.gate is None:
            return linear(self.norm(y).to(x.dtype), self.output), None
        gate = F.silu(linear(rest[0], self.gate))
        return linear(self.norm.gated(y, gate), self.output), None


def read_time_mix(
    reader: Reader, att: str, heads: tuple[int, int], rescale: float, eps: float
) -> TimeMix5:
    """The time mix under the key prefix ``att``; see ``Network`` for ``rescale``."""
    D, has_gate = reader.width, reader.version != Version.V5_0
    return TimeMix5(
        mix=reader.mixes(f"{att}.time_mix_{z}" for z in (MIXES if has_gate else MIXES[:-1])),
        decay=-_of_heads(reader, f"{att}.time_decay", heads).exp(),
        bonus=_bonus(reader, att, heads),
        receptance=reader.weight(f"{att}.receptance.weight", (D, D)),
        key=reader.weight(f"{att}.key.weight", (D, D)),
        value=reader.weight(f"{att}.value.weight", (D, D)),
        gate=reader.weight(f"{att}.gate.weight", (D, D)) if has_gate else None,
        output=reader.weight(f"{att}.output.weight", (D, D), divisor=rescale),
        norm=reader.head_norm(f"{att}.ln_x", eps),
    )


def head_shape(reader: Reader) -> tuple[int, int]:
    """Number and size of the heads: the decay has an entry or a row for each head."""
    key = "blocks.0.att.time_decay"
    if not reader.has(key):
        raise reader.wrong(key, "is missing")
    shape = tuple(reader.tensors[key].shape)
    heads = shape[0] if shape else 0
    if not heads or reader.width % heads:
        raise reader.wrong(key, f"has shape {shape}, which does not divide width {reader.width}")
    return heads, reader.width // heads


def _bonus(reader: Reader, att: str, heads: tuple[int, int]) -> Tensor:
    """``time_faaaa`` is u itself; the older ``time_first`` is its logarithm."""
    if reader.has(f"{att}.time_first"):
        return _of_heads(reader, f"{att}.time_first", heads).exp()
    return _of_heads(reader, f"{att}.time_faaaa", heads)


def _of_heads(reader: Reader, key: str, heads: tuple[int, int]) -> Tensor:
    """[H, N] from a tensor with an entry for each channel, or one for each head."""
    H, N = heads
    shape = tuple(reader.tensors[key].shape) if reader.has(key) else heads
    is_of_heads = shape[1:] in ((), (1,))
    found = reader.float_tensor(key, (H, *shape[1:]) if is_of_heads else heads)
    return found.reshape(H, -1).expand(H, N).contiguous()
