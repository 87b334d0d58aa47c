"""Trains the embedded model on CPU by reading long texts with the state carried from step to step.

Run as ``python -m longriver.engine.demo.train CORPUS OUT [--steps N]`` on the folder that
``longriver.engine.demo.corpus`` makes. Every stream reads on where its last segment ended, as the
engine will; a stream that reaches its end starts elsewhere with a fresh state.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from longriver.engine.demo.corpus import HELD_OUT
from longriver.engine.demo.network import LayerState, Network, Shape, zero_state

SEED = 7
BATCH, LENGTH = 32, 128
STREAM_SEGMENTS = 256
PEAK_ADAM, PEAK_MUON = 3e-3, 1.5e-2
WARMUP, EVAL_EVERY, EVAL_BYTES = 50, 250, 1 << 16
SHARES = {"austen": 0.55, "jargon": 0.15, "python": 0.12, "shakespeare": 0.18}
PREFIX = 0


class Streams:
    """BATCH readers, each somewhere in a text; families of texts are drawn by their shares."""

    def __init__(self, texts: dict[str, list[np.ndarray]], seed: int) -> None:
        self.texts, self.random = texts, np.random.default_rng(seed)
        self.readers = [self._start() for _ in range(BATCH)]

    def _start(self) -> Iterator[tuple[np.ndarray, bool]]:
        family = self.random.choice(list(SHARES), p=list(SHARES.values()))
        sizes = np.array([len(text) for text in self.texts[family]], float)
        text = self.texts[family][self.random.choice(len(sizes), p=sizes / sizes.sum())]
        start = int(self.random.integers(0, max(1, len(text) - LENGTH)))
        count = int(self.random.integers(1, STREAM_SEGMENTS))
        return _segments(text[start:], count)

    def next(self) -> tuple[Tensor, list[bool]]:
        """Returns [B, T + 1] tokens (input and target overlap by T - 1) and who started afresh."""
        rows, fresh = [], []
        for index in range(BATCH):
            item = next(self.readers[index], None)
            while item is None:
                self.readers[index] = self._start()
                item = next(self.readers[index], None)
            rows.append(item[0])
            fresh.append(item[1])
        return torch.from_numpy(np.stack(rows).astype(np.int64)), fresh


def _segments(text: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, bool]]:
    text = np.concatenate(([np.uint8(PREFIX)], text[: count * LENGTH]))
    for start in range(0, len(text) - LENGTH, LENGTH):
        yield text[start : start + LENGTH + 1], start == 0


def read_corpus(folder: Path) -> tuple[dict[str, list[np.ndarray]], dict[str, np.ndarray]]:
    texts: dict[str, list[np.ndarray]] = {family: [] for family in SHARES}
    held: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("*.txt")):
        data = np.fromfile(path, np.uint8)
        if path.stem in HELD_OUT:
            held[path.stem] = data
        else:
            texts[path.stem.split("_")[0]].append(data)
    return texts, held


def reset(state: list[LayerState], fresh: list[bool]) -> list[LayerState]:
    keep = (~torch.tensor(fresh)).float()
    return [
        LayerState(
            layer.att_shift * keep[:, None],
            layer.ffn_shift * keep[:, None],
            layer.wkv * keep[:, None, None, None],
        )
        for layer in state
    ]


def optimizers(network: Network) -> list[torch.optim.Optimizer]:
    """Muon for the square matrices inside the blocks, AdamW for everything else."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_matrix = (
            name.startswith("blocks") and name.endswith((".weight",)) and parameter.ndim == 2
        )
        (matrices if is_matrix else rest).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=PEAK_MUON, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=PEAK_ADAM, betas=(0.9, 0.99), weight_decay=0.0),
    ]


def schedule(progress: float, step: int) -> float:
    """Warm-up, then a cosine from 1 to 0.02."""
    return min(1, (step + 1) / WARMUP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def bits_per_byte(network: Network, shape: Shape, text: np.ndarray) -> Tensor:
    """Bits of every byte [n], read as one document from the prefix token."""
    ids = torch.from_numpy(np.concatenate(([np.uint8(PREFIX)], text)).astype(np.int64))[None]
    state, bits = zero_state(shape, 1), []
    for start in range(0, ids.shape[1] - 1, 1024):
        part = ids[:, start : start + 1025]
        logits, state = network(part[:, :-1], state)
        bits.append(F.cross_entropy(logits[0], part[0, 1:], reduction="none") / math.log(2))
    return torch.cat(bits)


def train(corpus: Path, out: Path, minutes: float, num_threads: int) -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(num_threads)
    numba.set_num_threads(num_threads)
    shape, (texts, held) = Shape(), read_corpus(corpus)
    network, streams = Network(shape), Streams(texts, SEED)
    optims = optimizers(network)
    state, began, curve = zero_state(shape, BATCH), time.monotonic(), []
    step, running = 0, 0.0
    while (progress := (time.monotonic() - began) / (60 * minutes)) < 1:
        for optim, peak in zip(optims, (PEAK_MUON, PEAK_ADAM), strict=True):
            optim.param_groups[0]["lr"] = peak * schedule(progress, step)
        tokens, fresh = streams.next()
        logits, state = network(tokens[:, :-1], reset(state, fresh))
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad()
        step += 1
        running += (loss.item() / math.log(2) - running) * max(0.02, 1 / step)
        if step % EVAL_EVERY == 0:
            point = _report(network, shape, held, step, running, time.monotonic() - began)
            curve.append(point)
            _save(network, out, curve)
    curve.append(_report(network, shape, held, step, running, time.monotonic() - began))
    _save(network, out, curve)


def _report(
    network: Network,
    shape: Shape,
    held: dict[str, np.ndarray],
    step: int,
    running: float,
    seconds: float,
) -> dict[str, float]:
    figures = {"step": step, "seconds": round(seconds), "train": round(running, 4)}
    for name, text in held.items():
        bits = bits_per_byte(network, shape, text[:EVAL_BYTES])
        figures[name] = round(float(bits.mean()), 4)
        figures[f"{name}_first_1k"] = round(float(bits[:1024].mean()), 4)
        figures[f"{name}_last_32k"] = round(float(bits[-32768:].mean()), 4)
    print(json.dumps(figures), flush=True)
    return figures


def _save(network: Network, out: Path, curve: list[dict[str, float]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: p.detach().to(torch.bfloat16) for name, p in network.named_parameters()}
    save_file(weights, out / "demo.safetensors")
    (out / "curve.json").write_text(json.dumps(curve, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--threads", type=int, default=1)
    order = parser.parse_args()
    train(order.corpus, order.out, order.minutes, order.threads)
