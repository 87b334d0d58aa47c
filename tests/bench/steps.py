"""What the length of a step is worth, and whole numbers of eight bits: one long text each."""

import torch

from longriver.engine.version import Version
from longriver.kernels.int8_linear.onednn import is_available
from tests.bench.engines import long_work
from tests.bench.session import Bench
from tests.bench.size import checkpoint
from tests.checkpoints import loaded
from tests.engine.reading import engine_of


def measure_steps(bench: Bench) -> None:
    """The default step first; every engine reads the same text of RWKV-7 before it is timed."""
    path = checkpoint(Version.V7, bench.size, bench.folder)
    network = loaded(path)
    works = [
        long_work(bench, engine_of(network, tokens_per_step=tokens), f"{tokens:,} tokens a step")
        for tokens in bench.scale.steps
    ]
    if is_available():
        rounded = engine_of(loaded(path, torch.int8), dtype="int8")
        works.append(long_work(bench, rounded, "int8"))
    else:
        bench.miss("int8: this torch was built without oneDNN")
    bench.measure(f"RWKV-7, {bench.size.name}, by step", works)
    path.unlink()
