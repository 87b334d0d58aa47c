"""Holds Hugging Face's ``config.json`` against what the tensors say."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from longriver.engine.weights.source import Source, shown
from longriver.engine.weights.tensor_file import Tensors

FLA_TYPES = ("rwkv7", "rwkv7_fla")
HF_TYPES = ("rwkv", "rwkv5", "rwkv6")
LOADABLE = "longriver reads rwkv, rwkv5, rwkv6 and rwkv7 here"

LAYER_KEY = re.compile(r"blocks\.(\d{1,6})\.")
NORM_EPS = 1e-5
HEAD_SIZE_DIVISOR = 8
"""GroupNorm(x / 8, 1e-5) is GroupNorm(x, 64e-5), which all RWKV are read with by default."""

FIXED: dict[str, tuple[object, ...]] = {
    "norm_eps": (NORM_EPS,),
    "layer_norm_epsilon": (NORM_EPS,),
    "hidden_act": ("sqrelu",),
    "norm_first": (True,),
    "norm_bias": (True,),
    "head_size_divisor": (HEAD_SIZE_DIVISOR,),
    "attn": (None,),
    "quantization_config": (None,),
    "tie_word_embeddings": (True, False),
}
"""What a field must say, if it is there."""

WHY = {
    "attn": " (a hybrid with attention layers)",
    "head_size_divisor": " (set model.group_norm_eps to 1e-5 times its square)",
    "quantization_config": " (quantized weights)",
}


def judge_type(source: Source, config: Mapping[str, object]) -> None:
    """Refuses other networks before their weights are looked at.

    Raises:
        WeightsError: names the ``model_type`` and what can be loaded.
    """
    found = config.get("model_type")
    if found is not None and found not in (*FLA_TYPES, *HF_TYPES):
        raise source.wrong(f"has model_type {shown(found)}; {LOADABLE}")


def judged(
    source: Source, config: Mapping[str, object], tensors: Tensors, *, has_eps: bool
) -> Tensors:
    """The tensors under BlinkDL's names, with the head that the configuration may tie.

    Args:
        has_eps: the eps of the GroupNorm was ordered, whatever the configuration says.

    Raises:
        WeightsError: names the field, what it says, and what the tensors say.
    """
    for name, allowed in FIXED.items():
        if name in config and not (name == "head_size_divisor" and has_eps):
            _require(source, name, config[name], allowed)
    for name, size in _sizes(tensors).items():
        found = config.get(name)
        if found is not None and (type(found) is not int or found != size):
            raise source.wrong(f"has {name} {shown(found)}, but the tensors have {size}")
    return _tied(source, tensors) if config.get("tie_word_embeddings") else tensors


def _require(source: Source, name: str, found: object, allowed: tuple[object, ...]) -> None:
    if not any(type(found) is type(value) and found == value for value in allowed):
        wanted = " or ".join(shown(value) for value in allowed)
        raise source.wrong(f"has {name} {shown(found)}, {wanted} is needed{WHY.get(name, '')}")


def _sizes(tensors: Tensors) -> dict[str, int]:
    """What fields of a configuration must be, as far as there are tensors to tell."""
    layers = [int(match[1]) for key in tensors if (match := LAYER_KEY.match(key))]
    embedding = _shape(tensors.get("emb.weight"))
    sizes = {"num_hidden_layers": 1 + max(layers)} if layers else {}
    if len(embedding) == 2:
        sizes |= {"vocab_size": embedding[0], "hidden_size": embedding[1]}
        sizes["attention_hidden_size"] = embedding[1]
    if len(heads := _shape(tensors.get("blocks.0.att.r_k"))) == 2:
        sizes["head_dim"] = heads[1]
    if len(inner := _shape(tensors.get("blocks.0.ffn.key.weight"))) == 2:
        sizes["intermediate_size"] = inner[0]
    return sizes


def _shape(x: Tensor | None) -> tuple[int, ...]:
    return () if x is None else tuple(x.shape)


def _tied(source: Source, tensors: Tensors) -> Tensors:
    embedding, head = tensors.get("emb.weight"), tensors.get("head.weight")
    if embedding is None:
        return tensors
    if head is not None and not torch.equal(head, embedding):
        raise source.wrong(
            "has tie_word_embeddings true, but the head is not the embedding; set it to false"
        )
    return tensors | {"head.weight": embedding}
