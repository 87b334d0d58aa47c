"""Turns the tensors of a BlinkDL-format RWKV-7 file into a model, judging every key and shape."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.rwkv7_weights import ChannelMix, Layer, LowRank, Mixes, Norm, Rwkv7, TimeMix
from longriver.engine.version import require_rwkv7
from longriver.engine.weights import Tensors, read_tensors

LAYER_KEY = re.compile(r"blocks\.(\d+)\.")
UNUSED = frozenset({"blocks.0.att.v0", "blocks.0.att.v1", "blocks.0.att.v2"})
"""Present in some files, absent in others: the first layer has no value residual."""


def load_rwkv7(path: str, device: torch.device, dtype: torch.dtype) -> Rwkv7:
    """Loads a checkpoint file.

    Args:
        path: as in ``model.path``.
        dtype: of the weights; the embedding is only looked up and keeps the file's type.

    Raises:
        WeightsError: names the file, the key, and what is wrong with it.
    """
    tensors = read_tensors(path)
    require_rwkv7(path, tensors)
    reader = _Reader(path, tensors, device, dtype)
    model = reader.model()
    reader.refuse_leftovers()
    return model


@dataclass
class _Sizes:
    vocab: int
    width: int
    layers: int
    heads: int
    head_size: int


class _Reader:
    """Takes tensors out one by one, so that what is left over can be named."""

    def __init__(
        self, path: str, tensors: Tensors, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.path, self.tensors, self.device, self.dtype = path, dict(tensors), device, dtype
        self.sizes = self._read_sizes()

    def _read_sizes(self) -> _Sizes:
        numbers = [int(m[1]) for key in self.tensors if (m := LAYER_KEY.match(key))]
        vocab, width = self._matrix("emb.weight").shape
        heads, head_size = self._matrix("blocks.0.att.r_k").shape
        sizes = _Sizes(vocab, width, 1 + max(numbers), heads, head_size)
        if sizes.heads * sizes.head_size != sizes.width:
            raise self._wrong(
                "blocks.0.att.r_k",
                f"is {heads} heads of {head_size}, which is not the width {width}",
            )
        return sizes

    def model(self) -> Rwkv7:
        s = self.sizes
        embedding = self._take("emb.weight", (s.vocab, s.width)).to(self.device)
        norm_in = self._norm("blocks.0.ln0")
        layers = tuple(self._layer(i) for i in range(s.layers))
        head = self._weight("head.weight", (s.vocab, s.width))
        return Rwkv7(embedding, norm_in, layers, self._norm("ln_out"), head)

    def refuse_leftovers(self) -> None:
        left = sorted(set(self.tensors) - UNUSED)
        if left:
            raise self._wrong(left[0], f"is no part of RWKV-7 ({len(left)} such keys)")

    def _layer(self, index: int) -> Layer:
        block = f"blocks.{index}"
        return Layer(
            self._norm(f"{block}.ln1"),
            self._time_mix(f"{block}.att", index),
            self._norm(f"{block}.ln2"),
            self._channel_mix(f"{block}.ffn"),
        )

    def _time_mix(self, att: str, index: int) -> TimeMix:
        D = self.sizes.width
        return TimeMix(
            mix=Mixes(**{letter: self._vector(f"{att}.x_{letter}") for letter in "rwkvag"}),
            receptance=self._weight(f"{att}.receptance.weight", (D, D)),
            key=self._weight(f"{att}.key.weight", (D, D)),
            value=self._weight(f"{att}.value.weight", (D, D)),
            output=self._weight(f"{att}.output.weight", (D, D)),
            decay=self._low_rank(att, "w"),
            rate=self._low_rank(att, "a"),
            residual=self._low_rank(att, "v") if index > 0 else None,
            gate=self._low_rank(att, "g", has_bias=False),
            removal_scale=self._vector(f"{att}.k_k"),
            rate_scale=self._vector(f"{att}.k_a"),
            bonus=self._float(f"{att}.r_k", (self.sizes.heads, self.sizes.head_size)),
            norm=self._head_norm(f"{att}.ln_x"),
        )

    def _channel_mix(self, ffn: str) -> ChannelMix:
        D, F = self.sizes.width, self._matrix(f"{ffn}.key.weight").shape[0]
        return ChannelMix(
            self._vector(f"{ffn}.x_k"),
            self._weight(f"{ffn}.key.weight", (F, D)),
            self._weight(f"{ffn}.value.weight", (D, F)),
        )

    def _low_rank(self, att: str, letter: str, *, has_bias: bool = True) -> LowRank:
        D, rank = self.sizes.width, self._matrix(f"{att}.{letter}1").shape[1]
        bias = self._vector(f"{att}.{letter}0") if has_bias else None
        down = self._weight(f"{att}.{letter}1", (D, rank)).T.contiguous()
        return LowRank(down, self._weight(f"{att}.{letter}2", (rank, D)).T.contiguous(), bias)

    def _norm(self, key: str) -> Norm:
        return Norm(self._vector(f"{key}.weight"), self._vector(f"{key}.bias"))

    def _head_norm(self, key: str) -> Norm:
        D = self.sizes.width
        return Norm(self._float(f"{key}.weight", (D,)), self._float(f"{key}.bias", (D,)))

    def _vector(self, key: str) -> Tensor:
        return self._squeezed(key).to(self.device, self.dtype)

    def _weight(self, key: str, shape: tuple[int, ...]) -> Tensor:
        return self._take(key, shape).to(self.device, self.dtype).contiguous()

    def _float(self, key: str, shape: tuple[int, ...]) -> Tensor:
        return self._take(key, shape).to(self.device, torch.float32)

    def _squeezed(self, key: str) -> Tensor:
        width = self.sizes.width
        found = self._get(key)
        if found.numel() != width or found.shape[-1:] != (width,):
            raise self._wrong(key, f"has shape {tuple(found.shape)}, [{width}] is needed")
        return self._checked(key).reshape(width)

    def _take(self, key: str, shape: tuple[int, ...]) -> Tensor:
        found = self._get(key)
        if tuple(found.shape) != shape:
            raise self._wrong(key, f"has shape {tuple(found.shape)}, {shape} is needed")
        return self._checked(key)

    def _checked(self, key: str) -> Tensor:
        found = self.tensors.pop(key)
        if not found.is_floating_point():
            raise self._wrong(key, f"is {found.dtype}, a floating-point tensor is needed")
        if not bool(torch.isfinite(found).all()):
            raise self._wrong(key, "holds NaN or infinite numbers")
        return found

    def _matrix(self, key: str) -> Tensor:
        found = self._get(key)
        if found.ndim != 2 or 0 in found.shape:
            raise self._wrong(key, f"has shape {tuple(found.shape)}, a matrix is needed")
        return found

    def _get(self, key: str) -> Tensor:
        if key not in self.tensors:
            raise self._wrong(key, "is missing")
        return self.tensors[key]

    def _wrong(self, key: str, what: str) -> WeightsError:
        return WeightsError(f"model.path={self.path}: {key} {what}; is the file whole and RWKV-7?")
