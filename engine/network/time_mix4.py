"""The time mix of RWKV-4 (arXiv 2305.13048): a weighted mean over the past for every channel."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import Weight, linear, linear_float, mixtures
from longriver.engine.network.reader import Reader
from longriver.kernels import dispatch

# R packed rows · D width · S slots

MIXES = "kvr"
EMPTY = (0.0, 0.0, -1e30)
"""Numerator, denominator and their exponent before the first token."""
FLOPS_PER_CHANNEL = 14
"""Of the recurrence for one token, exponentials counted as one."""


@dataclass(frozen=True, slots=True)
class TimeMix4:
    """Weights of a time mix, linear ones as [out, in].

    mix: [3, D], how far each channel looks at the token before, for ``MIXES``.
    decay, bonus: [D] float32, the log of what a token leaves of the past, and ``u``.
    """

    mix: Tensor
    decay: Tensor
    bonus: Tensor
    receptance: Weight
    key: Weight
    value: Weight
    output: Weight

    @property
    def matrices(self) -> Iterator[Weight]:
        yield from (self.receptance, self.key, self.value, self.output)

    @property
    def scan_flops(self) -> int:
        return FLOPS_PER_CHANNEL * len(self.decay)

    def __call__(
        self, x: Tensor, batch: Batch, last_SD: Tensor, wkv_S3D: Tensor, v_first: Tensor | None
    ) -> tuple[Tensor, None]:
        xk, xv, xr = mixtures(x, self.mix, batch, last_SD)
        k, v = linear_float(xk, self.key), linear_float(xv, self.value)
        r = linear(xr, self.receptance)
        scan = dispatch.wkv4(x.device.type, wkv_S3D.dtype)
        y = scan(
            k,
            v,
            decay_D=self.decay,
            bonus_D=self.bonus,
            state_S3D=wkv_S3D,
            cu_seqlens=batch.cu_seqlens,
            slots=batch.slots,
        )
        return linear((torch.sigmoid(r.float()) * y).to(x.dtype), self.output), None


def read_time_mix(reader: Reader, att: str, rescale: float) -> TimeMix4:
    """The time mix under the key prefix ``att``; see ``Network`` for ``rescale``."""
    D = reader.width
    return TimeMix4(
        mix=reader.mixes(f"{att}.time_mix_{letter}" for letter in MIXES),
        decay=-reader.float_vector(f"{att}.time_decay").exp(),
        bonus=reader.float_vector(f"{att}.time_first"),
        receptance=reader.weight(f"{att}.receptance.weight", (D, D)),
        key=reader.weight(f"{att}.key.weight", (D, D)),
        value=reader.weight(f"{att}.value.weight", (D, D)),
        output=reader.weight(f"{att}.output.weight", (D, D), divisor=rescale),
    )
