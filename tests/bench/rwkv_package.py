"""The peer PyPI `rwkv`, on the same checkpoint file in float32."""

from pathlib import Path
from typing import Any

import torch

from longriver.engine.inspection import flops_per_token
from longriver.engine.network import Network
from longriver.engine.version import Version
from tests.bench.installed import is_missing
from tests.bench.session import Bench
from tests.bench.texts import random_ids
from tests.bench.timing import Compared, Work
from tests.pypi_rwkv import rwkv_package, silence


def works(bench: Bench, network: Network, path: Path) -> list[Work]:
    """One long text, read in steps as long as ours; nothing where the package is not installed."""
    if is_missing(bench, "rwkv"):
        return []
    peer = RwkvPackage(path, network.version)
    ids = random_ids(bench.scale.long_tokens, network.vocab_size)
    peer.nll(ids, bench.scale.step_tokens)  # TorchScript compiles at the first calls

    def run(number: int) -> int:
        return len(peer.nll(ids, bench.scale.step_tokens))

    flops = flops_per_token(network)
    return [Work("PyPI rwkv, one long text", run, flops, Compared.PEER)]


class RwkvPackage:
    """A checkpoint in PyPI `rwkv`, as it comes: TorchScript on, no CUDA."""

    def __init__(self, path: Path, version: Version) -> None:
        package = rwkv_package(version, has_script=True)
        with silence():
            self.model: Any = package.RWKV(str(path.with_suffix("")), "cpu fp32")

    @torch.inference_mode()
    def nll(self, ids: list[int], step: int) -> torch.Tensor:
        """Nats of every id [n], the first one behind id 0."""
        state, inputs, rows = None, [0, *ids[:-1]], []
        for begin in range(0, len(ids), step):
            part = inputs[begin : begin + step]
            logits, state = self.model.forward(part, state, full_output=True)
            targets = torch.tensor(ids[begin : begin + step])
            logits = logits.view(len(part), -1).float()
            rows.append(torch.nn.functional.cross_entropy(logits, targets, reduction="none"))
        return torch.cat(rows)
