"""The peers in Hugging Face `transformers`: its RWKV-4, and a GPT-NeoX of our size."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from longriver.engine.inspection import flops_per_token
from longriver.engine.network import Network
from longriver.engine.version import Version
from tests.bench.installed import is_missing
from tests.bench.session import Bench
from tests.bench.size import Size
from tests.bench.texts import random_ids
from tests.bench.timing import Compared, Work

Model = Any


def rwkv4_works(bench: Bench, network: Network) -> list[Work]:
    """One long text, in steps as long as ours, through random weights of the same shapes."""
    if network.version != Version.V4 or is_missing(bench, "transformers"):
        return []
    model = _rwkv4(network)
    ids = torch.tensor(random_ids(bench.scale.long_tokens, network.vocab_size))

    def run(number: int) -> int:
        return len(_rwkv4_nll(model, ids, bench.scale.step_tokens))

    _rwkv4_nll(model, ids[:16], 16)
    flops = flops_per_token(network)
    return [Work("transformers RWKV-4, one long text", run, flops, Compared.PEER)]


def neox_reader(bench: Bench, size: Size) -> Callable[[int], int] | None:
    """Reads a text of some length whole, the head block by block; None without `transformers`."""
    if is_missing(bench, "transformers"):
        return None
    model = _neox(size, max(bench.scale.contexts))
    step = bench.scale.step_tokens

    def read(length: int) -> int:
        return len(_neox_nll(model, torch.tensor(random_ids(length, size.vocab_size)), step))

    read(16)
    return read


def _rwkv4(network: Network) -> Model:
    from transformers import RwkvConfig, RwkvForCausalLM

    config = RwkvConfig(
        vocab_size=network.vocab_size,
        hidden_size=network.width,
        num_hidden_layers=len(network.layers),
        intermediate_size=len(network.layers[0].ffn.key),
    )
    return RwkvForCausalLM(config).eval()


@torch.inference_mode()
def _rwkv4_nll(model: Model, ids: Tensor, step: int) -> Tensor:
    state, rows = None, []
    inputs = torch.cat((ids.new_zeros(1), ids[:-1]))
    for part, targets in zip(inputs.split(step), ids.split(step), strict=True):
        found = model(input_ids=part[None], state=state, use_cache=True)
        state = found.state
        rows.append(_nats(found.logits[0], targets))
    return torch.cat(rows)


def _neox(size: Size, max_length: int) -> Model:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    config = GPTNeoXConfig(
        vocab_size=size.vocab_size,
        hidden_size=size.width,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        intermediate_size=4 * size.width,
        max_position_embeddings=max_length,
    )
    return GPTNeoXForCausalLM(config).eval()


@torch.inference_mode()
def _neox_nll(model: Model, ids: Tensor, step: int) -> Tensor:
    inputs = torch.cat((ids.new_zeros(1), ids[:-1]))
    hidden = model.gpt_neox(input_ids=inputs[None], use_cache=False).last_hidden_state[0]
    head = model.get_output_embeddings()
    blocks = zip(hidden.split(step), ids.split(step), strict=True)
    return torch.cat([_nats(head(block), targets) for block, targets in blocks])


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
