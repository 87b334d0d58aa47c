"""Reads state-tuned files: what a network remembers before the first token of every document."""

import re
from pathlib import Path

import torch
from torch import Tensor

from longriver.engine.weights.adapter import STATE_KEY
from longriver.engine.weights.base import read_files
from longriver.engine.weights.folder import layout
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors

KEY = re.compile(r"blocks\.\d{1,6}\.att\.time_state")
HEAD_KEYS = ("blocks.0.att.r_k", "blocks.0.att.time_faaaa")
"""[H, N] of versions 7, and 5.2 and 6."""


def with_state(base: Tensors, source: Source, place: Path) -> Tensors:
    """The checkpoint with the ``blocks.i.att.time_state`` of a file in it.

    RWKV-PEFT and RWKV-LM store [H, V, K] for every version: their kernels take it so, and `rwkv`
    transposes it for versions 5 and 6, whose state it keeps as [H, K, V].

    Args:
        base: under BlinkDL's names; a state of its own is replaced.

    Raises:
        WeightsError: names the key that is missing, too many, or does not fit the checkpoint.
    """
    heads, layers = _heads(source, base), _layers(base)
    tensors = read_files(source, layout(source, place))
    states = {key: x for key, x in tensors.items() if KEY.fullmatch(key)}
    others = sorted(set(tensors) - set(states))
    if not states:
        raise source.wrong(f"holds no blocks.0{STATE_KEY}; name a state-tuned file")
    if others and "emb.weight" not in tensors:
        raise source.wrong(f"holds {others[0]}, which is no part of a tuned state")
    _require_same(source, set(states), {f"blocks.{i}{STATE_KEY}" for i in layers})
    for key, x in states.items():
        _judge(source, key, x, heads)
    return base | states


def _heads(source: Source, base: Tensors) -> tuple[int, int]:
    shapes = [tuple(base[key].shape) for key in HEAD_KEYS if key in base]
    if not shapes or len(shapes[0]) != 2 or shapes[0][1] < 2:
        raise source.wrong(
            "needs a checkpoint of RWKV-5.2, 6 or 7 in model.path, which can start from a tuned "
            "state; leave it out"
        )
    return shapes[0][0], shapes[0][1]


def _layers(base: Tensors) -> set[int]:
    return {int(key.split(".")[1]) for key in base if re.match(r"blocks\.\d{1,6}\.", key)}


def _require_same(source: Source, found: set[str], wanted: set[str]) -> None:
    if missing := sorted(wanted - found):
        raise source.wrong(f"lacks {missing[0]}; is it of the model in model.path?")
    if extra := sorted(found - wanted):
        raise source.wrong(f"holds {extra[0]}, a layer that the model in model.path lacks")


def _judge(source: Source, key: str, x: Tensor, heads: tuple[int, int]) -> None:
    H, N = heads
    if tuple(x.shape) != (H, N, N):
        raise source.wrong(f"has {key} of shape {tuple(x.shape)}, {(H, N, N)} is needed")
    if not x.is_floating_point() or not bool(torch.isfinite(x).all()):
        raise source.wrong(f"has {key} that is {x.dtype} or not finite; finite numbers are needed")
