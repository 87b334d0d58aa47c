"""The embedded model reads a novel that it has never seen."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from longriver.engine import Engine, EngineConfig
from longriver.engine.result import ScoredChunk
from longriver.engine.weights import locate

PERSUASION = Path(__file__).parents[1] / "data" / "persuasion"
MOST_BITS_PER_BYTE = 2.3
MOST_FILE_BYTES = 8_000_000


@cache
def bits_of_each_byte() -> npt.NDArray[np.float64]:
    """The first four chapters as one document."""
    text = b"\n\n".join((PERSUASION / f"chapter_{n:02}.txt").read_bytes() for n in range(1, 5))
    engine = Engine.from_config(engine=EngineConfig(num_threads=1))
    parts: list[npt.NDArray[np.float32]] = []
    for result in engine.run(iter([engine.sequence(None, [text])])):
        assert isinstance(result, ScoredChunk)
        parts.append(result.nll)
    return np.concatenate(parts).astype(np.float64) / math.log(2)


def test_held_out_english_prose_costs_at_most_what_is_promised() -> None:
    assert bits_of_each_byte().mean() < MOST_BITS_PER_BYTE


def test_it_reads_better_further_into_a_document() -> None:
    bits = bits_of_each_byte()
    assert bits[-32768:].mean() < bits[:1024].mean() - 0.2


def test_it_is_small_and_has_two_heads_of_64() -> None:
    network = Engine.from_config(engine=EngineConfig(num_threads=1)).network
    assert (tuple(network.layers[0].att.bonus.shape), network.vocab_size) == ((2, 64), 256)
    assert locate("demo").stat().st_size < MOST_FILE_BYTES
