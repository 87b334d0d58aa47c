"""A document's state in the layouts of the PyPI `rwkv` package, and back."""

from collections.abc import Sequence

import torch
from torch import Tensor

from longriver.engine.state import State
from longriver.engine.version import Version


def to_rwkv(state: State, slot: int = 0) -> list[Tensor]:
    """The flat list that ``rwkv.model.RWKV.forward`` takes and returns, float32 copies.

    RWKV-4: five a layer, att_x, aa, bb, pp, ffn_x, all [D]. Versions 5 and 6: three, att_x [D],
    S [H, K, V], ffn_x [D]. Version 7: the same with S as [H, V, K].
    """
    one = state.take([slot])
    flat: list[Tensor] = []
    for (att, ffn), wkv in zip(one.shift[:, :, 0], one.wkv[:, 0], strict=True):
        if state.version == Version.V4:
            flat += [att, *wkv, ffn]
        else:
            flat += [att, wkv.mT if state.version == Version.V7 else wkv, ffn]
    return [x.contiguous().clone() for x in flat]


def from_rwkv(version: Version, flat: Sequence[Tensor]) -> State:
    """One slot's state from such a list.

    Raises:
        ValueError: its length is not that of whole layers.
    """
    parts = 5 if version == Version.V4 else 3
    if not flat or len(flat) % parts:
        raise ValueError(f"a state of RWKV-{version} has {parts} tensors a layer, not {len(flat)}")
    layers = [flat[i : i + parts] for i in range(0, len(flat), parts)]
    shift = torch.stack([torch.stack([layer[0], layer[-1]]) for layer in layers])
    wkv = torch.stack([_wkv(version, layer) for layer in layers])
    return State(version, shift[:, :, None].float().contiguous(), wkv[:, None].contiguous())


def _wkv(version: Version, layer: Sequence[Tensor]) -> Tensor:
    if version == Version.V4:
        return torch.stack(list(layer[1:4])).float()
    return layer[1].mT.float() if version == Version.V7 else layer[1].float()
