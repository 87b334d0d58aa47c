"""The skeleton that all versions share: one forward pass over a packed batch, state in and out."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from longriver.engine.batch import Batch
from longriver.engine.config import ModelConfig
from longriver.engine.network.channel_mix import ChannelMix
from longriver.engine.network.parts import Embedding, Norm, Weight, linear_float
from longriver.engine.network.time_mix4 import TimeMix4
from longriver.engine.network.time_mix5 import TimeMix5
from longriver.engine.network.time_mix6 import TimeMix6
from longriver.engine.network.time_mix7 import TimeMix7
from longriver.engine.state import State
from longriver.engine.version import Version
from longriver.kernels import dispatch
from longriver.kernels.nll.blocked import VOCAB_BLOCK
from longriver.kernels.nll.head import Head, row_blocks

# R packed rows · D width · V vocabulary

TimeMix = TimeMix4 | TimeMix5 | TimeMix6 | TimeMix7
RESCALE_EVERY = 6


@dataclass(frozen=True, slots=True)
class Layer:
    norm_att: Norm
    att: TimeMix
    norm_ffn: Norm
    ffn: ChannelMix


@dataclass(frozen=True, slots=True)
class Network:
    """A whole network; every size is that of its tensors.

    source:    what it was loaded from.
    embedding: [V, D] in the file's number type, for it is only looked up.
    head:      [V, D] in the number type of the weights, or as whole numbers.
    blank:     the state of one document before its first token.
    dtype:     of activations.
    halves:    after every sixth layer activations are halved, and the outputs of later layers were
               divided to match, so that versions 4 to 6 stay within float16. LayerNorm undoes it.
    """

    source: ModelConfig
    version: Version
    embedding: Embedding
    norm_in: Norm
    layers: tuple[Layer, ...]
    norm_out: Norm
    head: Head
    blank: State
    dtype: torch.dtype
    halves: bool

    @property
    def matrices(self) -> Iterator[Weight]:
        """Everything that rows are multiplied with, the head aside."""
        for layer in self.layers:
            yield from layer.att.matrices
            yield from layer.ffn.matrices

    def scale_behind(self, layer: int) -> int:
        """What activations behind a layer have been divided by."""
        return 2 ** (layer // RESCALE_EVERY) if self.halves else 1

    @property
    def vocab_size(self) -> int:
        return len(self.embedding.table)

    @property
    def width(self) -> int:
        return self.embedding.table.shape[1]

    @property
    def device(self) -> torch.device:
        return self.head.device


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the network makes of a packed batch.

    normed: [R, D], what the head sees.
    tapped: [R, D] float32, of the layer that was asked for.
    state:  behind the batch.
    """

    normed: Tensor
    tapped: Tensor | None
    state: State


def forward(network: Network, batch: Batch, state: State, layer: int | None = None) -> Hidden:
    """Reads a packed batch.

    The state that goes in is used up: its memory becomes the state that comes out.

    Args:
        layer: see ``Wants``; its activations are given at their full size where the network
            halves them.
    """
    dtype = network.dtype
    x_RD = network.norm_in(network.embedding(batch.tokens), dtype)
    tapped = x_RD.float() if layer == 0 else None
    v_first = None
    for index, block in enumerate(network.layers):
        shift, wkv = state.shift[index], state.wkv[index]
        mixed, v_first = block.att(block.norm_att(x_RD, dtype), batch, shift[0], wkv, v_first)
        x_RD = x_RD + mixed
        x_RD = x_RD + block.ffn(block.norm_ffn(x_RD, dtype), batch, shift[1])
        if network.halves and (index + 1) % RESCALE_EVERY == 0:
            x_RD = x_RD / 2
        if index + 1 == layer:
            tapped = x_RD.float() * network.scale_behind(layer)
    normed = network.norm_out(x_RD, dtype)
    return Hidden(normed, normed.float() if layer == -1 else tapped, state)


def nll(network: Network, hidden_RD: Tensor, batch: Batch) -> Tensor:
    """Nats of every target of the batch, [num_tokens] float32."""
    head_nll = dispatch.head_nll(hidden_RD.device.type, hidden_RD.dtype)
    nats: Tensor = head_nll(hidden_RD, network.head, batch.targets)
    return nats[: batch.num_tokens]


def logits(network: Network, hidden_RD: Tensor) -> Tensor:
    """What the head says behind each row, [R, V] float32; R is a multiple of the row quantum.

    On a CPU by blocks of the vocabulary, as ``nll`` works, for which the quantum was found.
    """
    if hidden_RD.is_cuda:
        assert isinstance(network.head, Tensor)
        return linear_float(hidden_RD, network.head)
    blocks = row_blocks(network.head, VOCAB_BLOCK)
    return torch.cat([linear_float(hidden_RD, block) for block in blocks], dim=1)
