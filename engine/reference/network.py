"""The skeleton of all versions in float64, a token at a time."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from longriver.engine.reference import channel_mix, time_mix
from longriver.engine.reference.weights import HEAD_EPS, Array, Memory, Weights, layer_norm
from longriver.engine.version import Version, version_of


class Reference:
    """A network from the tensors of a BlinkDL-format file; slow, and right to the last digits."""

    def __init__(self, tensors: Mapping[str, Tensor], *, group_norm_eps: float = HEAD_EPS) -> None:
        self.version = version_of("reference", tensors)
        self.w, self.eps = Weights(tensors), group_norm_eps
        self.num_layers = len({k.split(".")[1] for k in tensors if k.startswith("blocks.")})
        self.blocks = [self.w.below(f"blocks.{i}") for i in range(self.num_layers)]

    def zero_state(self) -> list[Memory]:
        D = self.w("emb.weight").shape[1]
        return [
            Memory(np.zeros(D), np.zeros(D), time_mix.initial(self.version, block.below("att"), D))
            for block in self.blocks
        ]

    def step(self, token: int, state: list[Memory]) -> tuple[Array, list[Memory]]:
        """Reads one token; returns the logits [V] of the next one and the new state."""
        x = layer_norm(self.w("emb.weight")[token], self.blocks[0].below("ln0"))
        v_first, after = None, []
        for block, before in zip(self.blocks, state, strict=True):
            att_in = layer_norm(x, block.below("ln1"))
            dx, S, v_first = self._time_mix(block.below("att"), att_in, before, v_first)
            x = x + dx
            ffn_in = layer_norm(x, block.below("ln2"))
            ffn = block.below("ffn")
            x = x + channel_mix.channel_mix(self.version, ffn, ffn_in, before.ffn_shift)
            after.append(Memory(att_in, ffn_in, S))
        return self.w("head.weight") @ layer_norm(x, self.w.below("ln_out")), after

    def logits(self, ids: list[int]) -> Array:
        """What follows each of ``ids`` [n, V]."""
        state, rows = self.zero_state(), []
        for token in ids:
            row, state = self.step(token, state)
            rows.append(row)
        return np.array(rows)

    def nll(self, ids: list[int], prefix_token: int = 0) -> Array:
        """Nats of every id [n], the first one conditioned on the prefix token."""
        logits = self.logits([prefix_token, *ids[:-1]])
        largest = logits.max(1)
        log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
        out: Array = log_sum - logits[np.arange(len(ids)), ids]
        return out

    def _time_mix(
        self, w: Weights, x: Array, before: Memory, v_first: Array | None
    ) -> tuple[Array, Array, Array | None]:
        if self.version == Version.V4:
            return *time_mix.rwkv4(w, x, before), None
        if self.version == Version.V6:
            return *time_mix.rwkv6(w, x, before, self.eps), None
        if self.version == Version.V7:
            return time_mix.rwkv7(w, x, before, v_first, self.eps)
        return *time_mix.rwkv5(w, x, before, self.eps), None
