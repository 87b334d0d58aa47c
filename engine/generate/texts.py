"""Whole prompts gone on with, side by side, in their order; or one of them, as it is written."""

from collections.abc import Iterator
from typing import Protocol

from longriver.engine.errors import OrderError
from longriver.engine.generate.sampling import Sampling
from longriver.engine.generate.sequence import Continuation, GeneratingSequence
from longriver.engine.reader import Reader
from longriver.engine.result import Failed
from longriver.engine.sequence import Sequence
from longriver.engine.wants import UNSCORED


class Writer(Reader, Protocol):
    """A reader that goes on by itself."""

    def continuation(
        self, key: object, sampling: Sampling, name: str, sample: int
    ) -> GeneratingSequence: ...


def generate(
    reader: Writer, prompts: list[bytes], sampling: Sampling, num_samples: int
) -> list[list[Continuation]]:
    """So many continuations of each prompt, which is read once.

    Raises:
        OrderError: so many are none.
        DocumentError: when a number is not finite.
    """
    if num_samples < 1:
        raise OrderError(f"num_samples={num_samples}: give at least 1")
    found: list[dict[int, Continuation]] = [{} for _ in prompts]

    def sequences() -> Iterator[Sequence]:
        for index, prompt in enumerate(prompts):
            trunk = reader.sequence(None, [prompt], wants=UNSCORED)
            trunk.followers = tuple(
                reader.continuation(index, sampling, str(index), sample)
                for sample in range(num_samples)
            )
            yield trunk

    for written in _written(reader, sequences()):
        if written.finish_reason is not None:
            assert isinstance(written.key, int)
            found[written.key][written.sample] = written.result
    return [[samples[sample] for sample in range(num_samples)] for samples in found]


def stream(reader: Writer, prompt: bytes, sampling: Sampling) -> Iterator[str]:
    """What ``generate`` writes behind the first of its prompts, piece by piece.

    Raises:
        DocumentError: when a number is not finite.
    """
    trunk = reader.sequence(None, [prompt], wants=UNSCORED)
    trunk.followers = (reader.continuation(0, sampling, "0", 0),)
    for written in _written(reader, iter([trunk])):
        if written.piece:
            yield written.piece


def _written(reader: Writer, trunks: Iterator[Sequence]) -> Iterator[GeneratingSequence]:
    """Every sequence behind a prompt, whenever it has written a token."""
    for result in reader.run(trunks, UNSCORED):
        if isinstance(result, Failed):
            raise result.error
        if isinstance(result.sequence, GeneratingSequence):
            yield result.sequence
