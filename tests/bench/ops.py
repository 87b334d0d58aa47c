"""The kernels on their own, each as often as the network calls it."""

import itertools
from collections.abc import Callable

import torch

from longriver.engine.network import Network
from longriver.engine.version import Version
from longriver.kernels import dispatch
from tests.bench.scale import Scale
from tests.bench.size import Size
from tests.bench.timing import Compared, Work
from tests.kernels.cases import Case, cast
from tests.kernels.ops import OPS

NAMES = {Version.V4: "wkv4", Version.V7: "wkv7"}
"""The others run ``wkv6``."""


def op_works(network: Network, size: Size, scale: Scale) -> list[Work]:
    """The recurrence through all layers, and the head."""
    return [_wkv(network, size, scale), _head(network, scale)]


def _wkv(network: Network, size: Size, scale: Scale) -> Work:
    name = NAMES.get(network.version, "wkv6")
    case = Case("bench", (scale.step_tokens,), (0,), size.num_heads, size.head_size)
    op = next(op for op in OPS if op.name == name)
    arguments = cast(op.inputs(case), torch.float32)
    if name == "wkv6" and network.version != Version.V6:
        decay = arguments["w_log_RHN"]
        arguments["w_log_RHN"] = decay[:1].expand_as(decay)
    memory = op.state
    fresh = arguments[memory].clone()

    def once() -> None:
        for _ in network.layers:
            arguments[memory].copy_(fresh)
            op.numba(**arguments)

    flops = sum(layer.att.scan_flops for layer in network.layers)
    return _repeated(f"{name}, all layers", once, scale, flops)


def _head(network: Network, scale: Scale) -> Work:
    hidden = torch.randn(scale.step_tokens, network.width)
    targets = torch.randint(0, network.vocab_size, (scale.step_tokens,))

    head_nll = dispatch.head_nll("cpu", torch.float32)

    def once() -> object:
        return head_nll(hidden, network.head, targets)

    return _repeated("nll, the head", once, scale, 2 * network.head.numel())


def _repeated(name: str, once: Callable[[], object], scale: Scale, flops: float) -> Work:
    once()

    def run(number: int) -> int:
        for _ in itertools.repeat(None, -(-scale.op_tokens // scale.step_tokens)):
            once()
        return -(-scale.op_tokens // scale.step_tokens) * scale.step_tokens

    return Work(name, run, flops, Compared.PART)
