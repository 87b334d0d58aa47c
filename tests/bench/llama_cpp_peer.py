"""The peer llama.cpp, by `llama-cpp-python`, on the same weights in float32, float16 and Q8_0."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longriver.engine.inspection import flops_per_token
from longriver.engine.network import Network
from longriver.engine.version import Version
from tests.bench import gguf_file
from tests.bench.installed import is_missing
from tests.bench.session import Bench
from tests.bench.texts import random_ids
from tests.bench.timing import Compared, Work

KINDS = {"F32": "float32", "F16": "float16", "Q8_0": "Q8_0"}


def works(bench: Bench, network: Network, path: Path) -> list[Work]:
    """One long text in each precision; RWKV-7 only, and where the package is installed."""
    if network.version != Version.V7:
        return []
    if any([is_missing(bench, name, extra="llama-cpp") for name in ("llama-cpp-python", "gguf")]):
        return []
    return [_work(bench, network, path, kind) for kind in KINDS]


def _work(bench: Bench, network: Network, path: Path, kind: str) -> Work:
    tensors = torch.load(path, weights_only=True)
    step = bench.scale.step_tokens
    peer = LlamaCpp(gguf_file.write(tensors, path.with_suffix(f".{kind}.gguf"), kind), step)
    ids = random_ids(bench.scale.long_tokens, network.vocab_size)
    peer.nll(ids[:step])

    def run(number: int) -> int:
        return len(peer.nll(ids))

    name = f"llama.cpp {KINDS[kind]}, one long text"
    return Work(name, run, flops_per_token(network), Compared.PEER)


class LlamaCpp:
    """A GGUF file in llama.cpp on one thread of the CPU, ``step`` tokens at a time.

    Raises:
        ValueError: llama.cpp cannot load it.
    """

    def __init__(self, path: Path, step: int) -> None:
        import llama_cpp as api

        self.api: Any = api
        self.step = step
        api.llama_log_set(_SILENCE, ctypes.c_void_p(0))
        model = api.llama_model_load_from_file(str(path).encode(), api.llama_model_default_params())
        if model is None:
            raise ValueError(f"llama.cpp cannot load {path}")
        self.vocab_size = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
        self.context = api.llama_init_from_model(model, self._settings())
        self.batch = api.llama_batch_init(step, 0, 1)

    def nll(self, ids: list[int]) -> Tensor:
        """Nats of every id [n], the first one behind id 0."""
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        inputs, rows = [0, *ids[:-1]], []
        for begin in range(0, len(ids), self.step):
            logits = self._logits(inputs[begin : begin + self.step], begin)
            targets = torch.tensor(ids[begin : begin + self.step])
            rows.append(torch.nn.functional.cross_entropy(logits, targets, reduction="none"))
        return torch.cat(rows)

    def _settings(self) -> Any:
        settings = self.api.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = self.step
        settings.n_threads = settings.n_threads_batch = 1
        return settings

    def _logits(self, ids: list[int], begin: int) -> Tensor:
        """[n, V], in llama.cpp's own memory."""
        batch = self.batch
        batch.n_tokens = len(ids)
        for row, number in enumerate(ids):
            batch.token[row], batch.pos[row] = number, begin + row
            batch.n_seq_id[row], batch.seq_id[row][0], batch.logits[row] = 1, 0, True
        if self.api.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama.cpp could not read a step")
        logits = self.api.llama_get_logits(self.context)
        return torch.from_numpy(np.ctypeslib.as_array(logits, (len(ids), self.vocab_size)))


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def _SILENCE(level: int, text: bytes, data: object) -> None:
    """What llama.cpp would print."""
