"""What a LoRA file changes in a checkpoint, and the merging of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.engine.weights.names import renamed
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors

FOREIGN = {
    "lora_magnitude_vector": "DoRA",
    "lora_M": "DoRA",
    "bone": "Bone (MiSS)",
    "disha": "DiSHA (MiSS)",
    "miss": "MiSS",
    "init_lora_A": "the starting point of a PiSSA training",
    "init_lora_B": "the starting point of a PiSSA training",
    "lora_embedding_A": "a LoRA of the embedding",
    "lora_embedding_B": "a LoRA of the embedding",
    "lora_E": "AdaLoRA",
}
"""Parts of keys that only other methods have."""

STATE_KEY = ".att.time_state"


@dataclass(frozen=True, slots=True)
class LowRank:
    """One weight gains ``scale · B A``.

    key:    in the adapter's file, without what tells A from B.
    weight: its name, in any convention.
    A:      [rank, in]
    B:      [out, rank]
    """

    key: str
    weight: str
    A: Tensor
    B: Tensor
    scale: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """What is read of an adapter; ``replaced`` are whole tensors, in any convention."""

    source: Source
    updates: tuple[LowRank, ...]
    replaced: Tensors


def pairs(
    source: Source, tensors: Tensors, ends: tuple[str, str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """A and B of every adapted weight, by what comes before ``ends`` in their keys.

    Raises:
        WeightsError: one without the other, shapes that do not fit, numbers that are not finite.
    """
    found: dict[str, tuple[Tensor, Tensor]] = {}
    stems = sorted({key.removesuffix(e) for key in tensors for e in ends if key.endswith(e)})
    for stem in stems:
        for end in ends:
            if stem + end not in tensors:
                raise source.wrong(f"lacks {stem + end}, the other half of {stem}")
        A, B = (_finite(source, stem + end, tensors[stem + end]) for end in ends)
        if A.ndim != 2 or B.ndim != 2 or A.shape[0] != B.shape[1] or 0 in (*A.shape, *B.shape):
            raise source.wrong(
                f"has {stem} as {tuple(B.shape)} times {tuple(A.shape)}; [out, rank] times "
                "[rank, in] is needed"
            )
        found[stem] = A, B
    return found


def refuse_foreign(source: Source, tensors: Tensors) -> None:
    """Raises ``WeightsError`` if a key shows another method than LoRA."""
    for key in tensors:
        for part in key.split("."):
            if part in FOREIGN:
                raise source.wrong(
                    f"holds {key}: that is {FOREIGN[part]}, which is not merged here; merge it "
                    "with the tool that trained it"
                )


def merged(base: Tensors, adapter: Adapter) -> Tensors:
    """The checkpoint with the adapter in it; a new dict, in which only changed tensors are new.

    Products and sums are float32; a sum is rounded once to the number type of its weight, so that
    the outcome is a checkpoint like the one that upstream's merge scripts would write.

    Raises:
        WeightsError: names a key of the adapter that changes nothing, or does not fit.
    """
    tensors = dict(base)
    for key, x in adapter.replaced.items():
        name, new = renamed(key, _finite(adapter.source, key, x))
        if not name.endswith(STATE_KEY):
            _require_shape(adapter.source, key, name, tuple(new.shape), base)
        tensors[name] = new
    for update in adapter.updates:
        name, x = _updated(adapter.source, update, tensors)
        tensors[name] = x
    return tensors


def _updated(source: Source, update: LowRank, tensors: Tensors) -> tuple[str, Tensor]:
    out, inside = update.B.shape[0], update.A.shape[1]
    name, like = renamed(update.weight, torch.empty(out, inside, device="meta"))
    _require_shape(source, update.key, name, tuple(like.shape), tensors)
    x = tensors[name]
    if not x.is_floating_point():
        raise source.wrong(f"has {update.key}, which adapts {name}, but that is {x.dtype}")
    number = torch.promote_types(x.dtype, torch.float32)
    _, delta = renamed(update.weight, update.B.to(number) @ update.A.to(number))
    return name, torch.add(x.to(number), delta, alpha=update.scale).to(x.dtype)


def _require_shape(
    source: Source, key: str, name: str, shape: tuple[int, ...], base: Tensors
) -> None:
    if name not in base:
        raise source.wrong(f"has {key}, but the checkpoint of model.path has no {name}")
    if tuple(base[name].shape) != shape:
        raise source.wrong(
            f"has {key} for shape {shape}, but {name} of model.path has {tuple(base[name].shape)}"
        )


def _finite(source: Source, key: str, x: Tensor) -> Tensor:
    if not x.is_floating_point():
        raise source.wrong(f"has {key} as {x.dtype}, floating-point numbers are needed")
    if not bool(torch.isfinite(x).all()):
        raise source.wrong(f"has {key} with NaN or infinite numbers")
    return x
