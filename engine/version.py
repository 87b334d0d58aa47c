"""Tells the RWKV version of a checkpoint by its keys and shapes alone."""

from collections.abc import Mapping
from enum import StrEnum

from torch import Tensor

from longriver.engine.errors import WeightsError

WAY_OUT = "longriver reads RWKV-4, 5.0, 5.1, 5.2, 6 and 7"
OTHERS = (
    ("_strategy", "was converted by the `rwkv` package for one strategy; use the original file"),
    ("blocks.0.ffn.s_emb.weight", f"is RWKV-7a (DeepEmbed), another network; {WAY_OUT}"),
    ("blocks.0.ffn.enn.weight", f"is an RWKV-8 preview, another network; {WAY_OUT}"),
    ("blocks.0.att.tiny_ln.weight", f"is RWKV-4a (with tiny attention); {WAY_OUT}"),
)
"""Keys that only other networks have, and what to say of them."""


class Version(StrEnum):
    """A network of the RWKV family; 5.2 is "Eagle", 6 is "Finch", 7 is "Goose"."""

    V4 = "4"
    V5_0 = "5.0"
    V5_1 = "5.1"
    V5_2 = "5.2"
    V6 = "6"
    V7 = "7"


def version_of(path: str, tensors: Mapping[str, Tensor]) -> Version:
    """The version of a checkpoint with BlinkDL's key names.

    Raises:
        WeightsError: with one sentence on what the file is instead.
    """
    _refuse_others(path, tensors)
    att = "blocks.0.att."
    if f"{att}r_k" in tensors:
        return Version.V7
    if any(key.startswith(att) and "time_maa" in key for key in tensors):
        return Version.V6
    if f"{att}ln_x.weight" in tensors and f"{att}time_decay" in tensors:
        if f"{att}gate.weight" not in tensors:
            return Version.V5_0
        decay = tensors[f"{att}time_decay"]
        return Version.V5_2 if decay.ndim > 1 and decay.shape[1] > 1 else Version.V5_1
    if f"{att}time_mix_k" in tensors and f"{att}time_decay" in tensors:
        return Version.V4
    some = ", ".join(sorted(tensors)[:3]) or "none"
    raise WeightsError(f"model.path={path} is not an RWKV checkpoint (keys: {some}, …); {WAY_OUT}")


def _refuse_others(path: str, tensors: Mapping[str, Tensor]) -> None:
    if any(key.startswith("qkv.") or ".qkv." in key for key in tensors):
        raise WeightsError(f"model.path={path} is RWKV-7b (with attention); {WAY_OUT}")
    for key, sentence in OTHERS:
        if key in tensors:
            raise WeightsError(f"model.path={path} {sentence}")
