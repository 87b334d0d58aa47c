"""The channel mixes: with a receptance gate (versions 4 to 6) and without (7)."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.network.parts import Weight, linear, mixtures
from longriver.engine.network.reader import Reader

# R packed rows · D width · F width inside · S slots


@dataclass(frozen=True, slots=True)
class ChannelMix:
    """``value · relu(key · mixed)²``, in versions 4 to 6 times ``sigmoid(receptance · mixed)``.

    mix: [2, D] or [1, D], how far each channel looks at the token before, for key and receptance.
    key, value, receptance: [F, D], [D, F], [D, D]; version 7 has no receptance.
    """

    mix: Tensor
    key: Weight
    value: Weight
    receptance: Weight | None = None

    @property
    def matrices(self) -> Iterator[Weight]:
        yield from (self.key, self.value)
        if self.receptance is not None:
            yield self.receptance

    def __call__(self, x_RD: Tensor, batch: Batch, last_SD: Tensor) -> Tensor:
        mixed_MRD = mixtures(x_RD, self.mix, batch, last_SD)
        inside = linear(mixed_MRD[0], self.key).relu_()
        out = linear(inside.mul_(inside), self.value)
        if self.receptance is None:
            return out
        return linear(mixed_MRD[1], self.receptance).sigmoid_().mul_(out)


def read_gated(reader: Reader, ffn: str, names: tuple[str, str], rescale: float) -> ChannelMix:
    """The channel mix of versions 4 to 6.

    Args:
        names: of the mixes for key and receptance; ``time_mix_*`` of versions 4 and 5 say how
            much of the token itself is taken, ``time_maa_*`` how much of the one before.
        rescale: what the output is divided by, see ``Network``.
    """
    D, inside = reader.width, reader.rows(f"{ffn}.key.weight")
    return ChannelMix(
        mix=reader.mixes(f"{ffn}.{name}" for name in names),
        key=reader.weight(f"{ffn}.key.weight", (inside, D)),
        value=reader.weight(f"{ffn}.value.weight", (D, inside), divisor=rescale),
        receptance=reader.weight(f"{ffn}.receptance.weight", (D, D)),
    )


def read_plain(reader: Reader, ffn: str) -> ChannelMix:
    """The channel mix of version 7."""
    D, inside = reader.width, reader.rows(f"{ffn}.key.weight")
    return ChannelMix(
        mix=reader.mixes([f"{ffn}.x_k"]),
        key=reader.weight(f"{ffn}.key.weight", (inside, D)),
        value=reader.weight(f"{ffn}.value.weight", (D, inside)),
    )
