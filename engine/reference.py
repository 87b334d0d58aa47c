"""RWKV-7 in float64, a token at a time, as the paper writes it: the fast engine's yardstick."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longriver.engine.weights import Tensors

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer's memory: two shifted inputs [D] and S [H, V, K] as the paper orders it."""

    att_shift: Array
    ffn_shift: Array
    S: Array


class ReferenceRwkv7:
    """A model from the tensors of a BlinkDL-format file; slow, and right to the last digits."""

    def __init__(self, tensors: Tensors) -> None:
        self.w = {key: value.double().numpy() for key, value in tensors.items()}
        self.num_layers = 1 + max(int(k.split(".")[1]) for k in self.w if k.startswith("blocks"))
        self.num_heads, self.head_size = self.w["blocks.0.att.r_k"].shape

    def zero_state(self) -> list[LayerState]:
        D, N = self.num_heads * self.head_size, self.head_size
        empty = LayerState(np.zeros(D), np.zeros(D), np.zeros((self.num_heads, N, N)))
        return [empty] * self.num_layers

    def step(self, token: int, state: list[LayerState]) -> tuple[Array, list[LayerState]]:
        """Reads one token; returns the logits [V] of the next one and the new state."""
        x = self._norm(self.w["emb.weight"][token], "blocks.0.ln0")
        v_first, after = None, []
        for i, before in enumerate(state):
            att_in = self._norm(x, f"blocks.{i}.ln1")
            dx, S, v_first = self._time_mix(i, att_in, before, v_first)
            x = x + dx
            ffn_in = self._norm(x, f"blocks.{i}.ln2")
            x = x + self._channel_mix(i, ffn_in, before)
            after.append(LayerState(att_in, ffn_in, S))
        return self.w["head.weight"] @ self._norm(x, "ln_out"), after

    def nll(self, ids: list[int], prefix_token: int = 0) -> Array:
        """Nats of every id [n], the first one conditioned on the prefix token."""
        state, result = self.zero_state(), []
        for read, scored in zip([prefix_token, *ids[:-1]], ids, strict=True):
            logits, state = self.step(read, state)
            largest = logits.max()
            result.append(largest + np.log(np.exp(logits - largest).sum()) - logits[scored])
        return np.array(result)

    def _time_mix(
        self, i: int, x: Array, before: LayerState, v_first: Array | None
    ) -> tuple[Array, Array, Array]:
        def w(name: str) -> Array:
            found = self.w[f"blocks.{i}.att.{name}"]
            return found.reshape(-1) if found.ndim == 3 else found

        def heads(z: Array) -> Array:
            return z.reshape(self.num_heads, self.head_size)

        xr, xw, xk, xv, xa, xg = (x + (before.att_shift - x) * w(f"x_{z}") for z in "rwkvag")
        r, k, v = w("receptance.weight") @ xr, w("key.weight") @ xk, w("value.weight") @ xv
        decay = np.exp(-np.exp(-0.5) * _sigmoid(w("w0") + np.tanh(xw @ w("w1")) @ w("w2")))
        a = _sigmoid(w("a0") + xa @ w("a1") @ w("a2"))
        g = _sigmoid(xg @ w("g1")) @ w("g2")
        if v_first is None:
            v_first = v
        else:
            v = v + (v_first - v) * _sigmoid(w("v0") + xv @ w("v1") @ w("v2"))
        kk = heads(k * w("k_k"))
        kk = kk / np.maximum(np.linalg.norm(kk, axis=1, keepdims=True), 1e-12)
        k = k * (1 + (a - 1) * w("k_a"))
        r, decay, k, v_heads, a = map(heads, (r, decay, k, v, a))
        S = before.S * decay[:, None, :]
        S = S - (before.S @ kk[:, :, None]) @ (kk * a)[:, None, :]
        S = S + v_heads[:, :, None] @ k[:, None, :]
        y = (S @ r[:, :, None])[:, :, 0]
        y = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 64e-5)
        y = y.reshape(-1) * w("ln_x.weight") + w("ln_x.bias")
        y = y + ((r * k * w("r_k")).sum(1, keepdims=True) * v_heads).reshape(-1)
        return w("output.weight") @ (y * g), S, v_first

    def _channel_mix(self, i: int, x: Array, before: LayerState) -> Array:
        ffn = f"blocks.{i}.ffn"
        mixed = x + (before.ffn_shift - x) * self.w[f"{ffn}.x_k"].reshape(-1)
        hidden = np.maximum(self.w[f"{ffn}.key.weight"] @ mixed, 0) ** 2
        out: Array = self.w[f"{ffn}.value.weight"] @ hidden
        return out

    def _norm(self, x: Array, key: str) -> Array:
        centred = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        out: Array = centred * self.w[f"{key}.weight"] + self.w[f"{key}.bias"]
        return out


def _sigmoid(x: Array) -> Array:
    out: Array = 1 / (1 + np.exp(-x))
    return out
