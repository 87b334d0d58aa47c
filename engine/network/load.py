"""Turns a checkpoint into a network, judging every key and shape."""

import torch
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.errors import WeightsError
from longriver.engine.network import time_mix4, time_mix5, time_mix6, time_mix7
from longriver.engine.network.channel_mix import ChannelMix, read_gated, read_plain
from longriver.engine.network.network import RESCALE_EVERY, Layer, Network, TimeMix
from longriver.engine.network.paging import stacked
from longriver.engine.network.reader import Reader
from longriver.engine.state import State
from longriver.engine.version import Version, version_of
from longriver.engine.weights import Tensors, read_tensors

GROUP_NORM_EPS = 64e-5
"""64 · 1e-5 whatever the head size or the number of heads: RWKV-LM, rwkv_v7_demo.py; and RWKV-5's
GroupNorm(x / 8, 1e-5) is the same."""

TUNED = (Version.V5_2, Version.V6, Version.V7)
"""Versions whose initial state can be in the checkpoint, as ``time_state``."""

KEPT_FROM = 64 << 20
"""Bytes of float32; weights that a cache holds are not worth widening at every step."""

UNUSED = {Version.V7: frozenset({"blocks.0.att.v0", "blocks.0.att.v1", "blocks.0.att.v2"})}
"""Present in some files, absent in others: the first layer has no value residual."""


def load_network(model: ModelConfig, device: torch.device, dtype: torch.dtype) -> Network:
    """Loads a checkpoint of any version.

    Args:
        dtype: of weights and activations; the embedding is only looked up and keeps its own.

    Raises:
        WeightsError: names the file, the key, and what is wrong with it.
    """
    return network_from(model, read_tensors(model), device, dtype)


def network_from(
    model: ModelConfig,
    tensors: Tensors,
    device: torch.device,
    dtype: torch.dtype,
    *,
    kept_from: int = KEPT_FROM,
) -> Network:
    """The network of tensors that have been read already; otherwise like ``load_network``.

    Args:
        kept_from: see ``Reader``.
    """
    version = version_of(model.path, tensors)
    reader = Reader(model.path, version, tensors, device, dtype, kept_from)
    network = _network(model, reader, _group_norm_eps(model, version))
    reader.refuse_leftovers(UNUSED.get(version, frozenset()))
    return network


def _group_norm_eps(model: ModelConfig, version: Version) -> float:
    if model.group_norm_eps is None:
        return GROUP_NORM_EPS
    if version == Version.V4:
        raise WeightsError(
            f"model.group_norm_eps={model.group_norm_eps} has no effect on RWKV-4, which has no "
            "GroupNorm; leave it out"
        )
    return model.group_norm_eps


def _network(source: ModelConfig, reader: Reader, eps: float) -> Network:
    halves = reader.dtype == torch.float16 and reader.version != Version.V7
    heads = _heads(reader)
    shape = (reader.vocab_size, reader.width)
    blank = _blank(reader, heads)
    return Network(
        source=source,
        version=reader.version,
        embedding=reader.embedding("emb.weight", shape),
        norm_in=reader.norm("blocks.0.ln0"),
        layers=tuple(_layer(reader, i, heads, eps, halves) for i in range(reader.num_layers)),
        norm_out=reader.norm("ln_out"),
        head=reader.head("head.weight", shape),
        blank=blank,
        dtype=reader.dtype,
        halves=halves,
    )


def _heads(reader: Reader) -> tuple[int, int] | None:
    """Number and size of the heads; RWKV-4 has none."""
    match reader.version:
        case Version.V4:
            return None
        case Version.V6:
            return reader.heads("blocks.0.att.time_faaaa")
        case Version.V7:
            return reader.heads("blocks.0.att.r_k")
        case _:
            return time_mix5.head_shape(reader)


def _layer(
    reader: Reader, index: int, heads: tuple[int, int] | None, eps: float, halves: bool
) -> Layer:
    block = f"blocks.{index}"
    rescale = 2.0 ** (index // RESCALE_EVERY) if halves else 1.0
    return Layer(
        reader.norm(f"{block}.ln1"),
        _time_mix(reader, f"{block}.att", heads, eps, rescale),
        reader.norm(f"{block}.ln2"),
        _channel_mix(reader, f"{block}.ffn", rescale),
    )


def _time_mix(
    reader: Reader, att: str, heads: tuple[int, int] | None, eps: float, rescale: float
) -> TimeMix:
    if heads is None:
        return time_mix4.read_time_mix(reader, att, rescale)
    if reader.version == Version.V7:
        return time_mix7.read_time_mix(reader, att, heads, eps)
    if reader.version == Version.V6:
        return time_mix6.read_time_mix(reader, att, heads, rescale, eps)
    return time_mix5.read_time_mix(reader, att, heads, rescale, eps)


def _channel_mix(reader: Reader, ffn: str, rescale: float) -> ChannelMix:
    if reader.version == Version.V7:
        return read_plain(reader, ffn)
    prefix = "time_maa" if reader.version == Version.V6 else "time_mix"
    return read_gated(reader, ffn, (f"{prefix}_k", f"{prefix}_r"), rescale)


def _blank(reader: Reader, heads: tuple[int, int] | None) -> State:
    """The state before the first token: nothing, or what the checkpoint was tuned to start from."""
    L, D, device = reader.num_layers, reader.width, reader.device
    shift = torch.zeros(L, 2, 1, D, device=device)
    if heads is None:
        empty = torch.tensor(time_mix4.EMPTY, device=device)
        return State(reader.version, shift, empty[:, None].expand(L, 1, 3, D).contiguous())
    H, N = heads
    layers = [_initial(reader, f"blocks.{i}.att.time_state", H, N) for i in range(L)]
    return State(reader.version, shift, stacked(layers)[:, None].contiguous())


def _initial(reader: Reader, key: str, H: int, N: int) -> Tensor:
    """[H, K, V] of a layer; files hold ``time_state`` as [H, V, K] (rwkv 0.8.32, ``generate``)."""
    if reader.version not in TUNED or not reader.has(key):
        return torch.zeros(H, N, N, device=reader.device)
    return reader.float_tensor(key, (H, N, N)).mT.contiguous()
