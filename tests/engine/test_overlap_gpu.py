"""Results that are handed out while a GPU is at later steps: the same, and nothing waits early."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import torch

from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.transfer import CudaTransfer
from longriver.engine.version import Version
from longriver.engine.wants import NLL, Wants
from tests.checkpoints import loaded, random_rwkv, saved
from tests.engine.reading import engine_of, tokens_of
from tests.engine.test_overlap import KINDS, WANTS, Event, Scene, Text

pytestmark = pytest.mark.gpu

DEVICE = torch.device("cuda")


@pytest.fixture(params=[Version.V4, Version.V6, Version.V7])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Network:
    tensors = random_rwkv(request.param, num_heads=2, head_size=16)
    return loaded(saved(tensors, tmp_path / "model.pth"), torch.float32, "cuda")


@pytest.mark.parametrize("wants", WANTS, ids=str)
def test_late_results_are_those_that_are_waited_for(network: Network, wants: Wants) -> None:
    random = Random(0)
    texts = [
        Text(kind, tuple(random.randrange(256) for _ in range(random.randrange(60))), (7, 20))
        for kind in KINDS * 4
    ]

    def events(depth: int) -> list[Event]:
        transfer = CudaTransfer(DEVICE, depth)
        sizes = {"tokens_per_step": 30, "num_slots": 5}
        engine = engine_of(network, transfer, device="cuda", dtype="float32", **sizes)
        return Scene(engine, texts, wants, is_row=False).events()

    assert events(1) == events(0)
    assert events(2) == events(0)


@contextmanager
def waiting_refused() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("wants", [NLL, Wants(layer=1)], ids=str)
def test_nothing_waits_for_the_device_but_for_the_step_handed_out(
    network: Network, wants: Wants
) -> None:
    pytest.importorskip("triton", reason="without Triton torch forms wait for lengths")
    engine = engine_of(network, device="cuda", dtype="float32", tokens_per_step=64, num_slots=4)

    def sequences() -> Iterator[Sequence]:
        for key in range(20):
            ids = tokens_of([key] * (5 * key + 1))
            yield Sequence(key, iter([ids]), 0, reads_last=wants.reads_last)

    engine.warm_up()
    with waiting_refused():
        results = list(engine.run(sequences(), wants))
    assert all(isinstance(result, ScoredChunk) for result in results)


def test_a_step_is_launched_while_the_device_is_still_at_the_one_before(network: Network) -> None:
    transfer = CudaTransfer(DEVICE)
    with transfer.queue():
        torch.cuda._sleep(10**9)
        behind_cpu = transfer.to_host(transfer.to_device(tokens_of([1, 2, 3]).ids))
    wait = transfer.mark()
    assert not transfer.stream.query()
    wait()
    assert transfer.stream.query() and behind_cpu.tolist() == [1, 2, 3]
