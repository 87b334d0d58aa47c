"""Counts what one forward pass on CUDA would launch and move; Triton interprets while it counts.

Every operator of torch that is no view is one launch, as is every Triton kernel. What it moves are
its arguments and results that have an entry for every token, each once; weights and states, which
do not grow with the step, are left out.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from longriver.engine.batch import Batch
from longriver.engine.network import Network, forward
from longriver.engine.network.network import nll
from longriver.engine.version import Version
from longriver.kernels.head_gate import triton_fused as head_gate
from longriver.kernels.layer_norm import triton_fused as layer_norm
from longriver.kernels.nll import triton_head
from longriver.kernels.token_mix import triton_fused as token_mix
from longriver.kernels.wkv4 import triton_recurrent as wkv4
from longriver.kernels.wkv6 import triton_recurrent as wkv6
from longriver.kernels.wkv7 import triton_recurrent as wkv7
from longriver.kernels.wkv7_inputs import triton_fused as wkv7_inputs
from tests.checkpoints import network_of, random_rwkv

ROWS = 7
"""Packed tokens: a number that no width, rank or vocabulary of the networks below is."""

KERNELS = {
    "head_gate": (head_gate.gate_heads, head_gate.gate_with_bonus),
    "head_nll": (triton_head.scores, triton_head.combine),
    "layer_norm": (layer_norm.norm_rows,),
    "token_mix": (token_mix.mix_tile,),
    "wkv7_inputs": (wkv7_inputs.feed, wkv7_inputs.feed_and_mix),
    "wkv": (wkv4.scan, wkv6.scan, wkv7.scan),
}
IN_PLACE = {"feed_and_mix": ("k", "v"), "feed": ("k",)}
"""Arguments of an entry for every token that a kernel both reads and writes."""

NO_LAUNCH = ("empty", "new_empty", "empty_like", "detach", "_unsafe_view", "set_", "copy_")
"""Only memory, or, the last two, what the interpreter does around a kernel."""

PRODUCTS = ("mm", "addmm")


def moved(tensors: Any) -> int:
    """Bytes of the tensors with an entry for every token."""
    return sum(
        x.numel() * x.element_size() for x in tensors if isinstance(x, Tensor) and ROWS in x.shape
    )


@dataclass
class Cost:
    """Launches and bytes by what does them; ``products`` are those of weight matrices."""

    launches: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, tensors: Any) -> None:
        self.launches[name] += 1
        self.moved[name] += moved(tensors)

    def drop(self, name: str, bytes_moved: int) -> None:
        self.launches[name] -= 1
        self.moved[name] -= bytes_moved

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.launches - other.launches, self.moved - other.moved)

    @property
    def num_launches(self) -> int:
        return self.launches.total()

    @property
    def num_products(self) -> int:
        return self.launches["products"]

    def bytes_per_channel(self, width: int) -> float:
        """Of one token, matrix products aside."""
        return (self.moved.total() - self.moved["products"]) / (ROWS * width)


class Counting(TorchDispatchMode):
    """Counts every operator of torch, and every Triton kernel, while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.cost = Cost()
        self.is_counting = False
        self.last_copy = 0
        for name, kernels in KERNELS.items():
            for kernel in kernels:
                in_place = IN_PLACE.get(kernel.fn.__name__, ())
                twice = [i for i, x in enumerate(kernel.arg_names) if x in in_place]
                kernel.add_pre_run_hook(self._hook(name, twice))

    def _hook(self, name: str, twice: list[int]) -> Any:
        def count(*arguments: Any, **constants: Any) -> None:
            if self.is_counting:
                self.cost.add(name, (*arguments, *(arguments[i] for i in twice)))

        return count

    def __enter__(self) -> "Counting":
        self.is_counting = True
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.is_counting = False
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if not func.is_view and name not in NO_LAUNCH:
            results = found if isinstance(found, tuple | list) else (found,)
            self._count(name, list({id(x): x for x in _flat(args)}.values()), results)
        return found

    def _count(self, name: str, arguments: list[Any], results: Any) -> None:
        if name == "_to_copy" and arguments[0].ndim == 2 and ROWS not in arguments[0].shape:
            # ``linear_float`` widens rows and weight, where CUDA multiplies into float32 at once
            self.cost.drop(name, self.last_copy)
            return
        self.last_copy = moved((*arguments, *results))
        # of an operator that writes in place the result is an argument, read and written
        self.cost.add("products" if name in PRODUCTS else name, (*arguments, *results))


def _flat(arguments: Any) -> list[Any]:
    return [x for a in arguments for x in (a if isinstance(a, tuple | list) else (a,))]


def step(version: Version, num_layers: int) -> Network:
    tensors = random_rwkv(version, num_layers=num_layers, num_heads=1, vocab_size=64)
    return network_of(tensors, torch.bfloat16)


def batch() -> Batch:
    """Three segments, in slots of their own."""
    return Batch(
        tokens=torch.arange(ROWS),
        targets=torch.arange(ROWS),
        cu_seqlens=torch.tensor([0, 3, 4, ROWS], dtype=torch.int32),
        slots=torch.tensor([2, 0, 1], dtype=torch.int32),
        num_tokens=ROWS,
    )


def cost_of_a_step(network: Network) -> tuple[Cost, Cost]:
    """Of the forward pass, and of the head with its log-likelihoods."""
    assert os.environ["TRITON_INTERPRET"] == "1"
    state, packed = network.blank.take([0, 0, 0]), batch()
    with Counting() as forwards:
        hidden = forward(network, packed, state).normed
    with Counting() as heads:
        nll(network, hidden, packed)
    return forwards.cost, heads.cost


def cost_of_a_layer(version: Version) -> Cost:
    """Of a layer that is not the first."""
    three, _ = cost_of_a_step(step(version, 3))
    two, _ = cost_of_a_step(step(version, 2))
    return three - two
