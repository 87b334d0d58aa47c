"""What a checkpoint is, told from its keys and shapes without running it."""

from collections import Counter
from dataclasses import dataclass

import torch

from longriver.engine.checkpoint import fitting_tokenizer
from longriver.engine.config import ModelConfig
from longriver.engine.errors import TokenizerError
from longriver.engine.network import Network
from longriver.engine.network.load import network_from
from longriver.engine.network.time_mix4 import TimeMix4
from longriver.engine.version import Version
from longriver.engine.weights import fingerprint, read_tensors


@dataclass(frozen=True, slots=True)
class Inspection:
    """The facts of a checkpoint.

    num_heads, head_size: None for RWKV-4, whose channels stand alone.
    inner_width:    of the channel mix.
    dtype:          the number type of most weights in the file.
    state_bytes:    what is remembered of one open document, whatever its length.
    flops_per_token: of one forward pass with the head; a multiplication and an addition are two.
    tokenizer:      what ``model.tokenizer`` comes to, or why it comes to nothing.
    fingerprint:    sha256 (hex) of all that makes the weights.
    """

    version: Version
    num_layers: int
    width: int
    num_heads: int | None
    head_size: int | None
    inner_width: int
    vocab_size: int
    num_parameters: int
    dtype: str
    state_bytes: int
    flops_per_token: int
    tokenizer: str
    fingerprint: str


def inspect(model: ModelConfig) -> Inspection:
    """Reads a whole checkpoint once, judging it as a run does.

    Raises:
        OrderError: it cannot be read; a tokenizer that is not there is told, not raised.
    """
    tensors = read_tensors(model)
    network = network_from(model, tensors, torch.device("meta"), torch.float32)
    heads = _heads(network)
    numbers = Counter[torch.dtype]()
    for x in tensors.values():
        numbers[x.dtype] += x.numel()
    return Inspection(
        version=network.version,
        num_layers=len(network.layers),
        width=network.width,
        num_heads=heads[0] if heads else None,
        head_size=heads[1] if heads else None,
        inner_width=len(network.layers[0].ffn.key),
        vocab_size=network.vocab_size,
        num_parameters=numbers.total(),
        dtype=str(numbers.most_common(1)[0][0]).removeprefix("torch."),
        state_bytes=network.blank.bytes_per_slot,
        flops_per_token=flops_per_token(network),
        tokenizer=_tokenizer(model, network.vocab_size),
        fingerprint=fingerprint(model),
    )


def flops_per_token(network: Network) -> int:
    """Floating-point operations that a token costs: matrix products, head and recurrence."""
    weights = sum(matrix.numel() for matrix in network.matrices) + network.head.numel()
    return 2 * weights + sum(layer.att.scan_flops for layer in network.layers)


def _heads(network: Network) -> tuple[int, int] | None:
    att = network.layers[0].att
    if isinstance(att, TimeMix4):
        return None
    heads, size = att.bonus.shape
    return heads, size


def _tokenizer(model: ModelConfig, vocab_size: int) -> str:
    try:
        return fitting_tokenizer(model, vocab_size).name
    except TokenizerError as error:
        return f"none: {error}"
