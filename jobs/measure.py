"""How fast one worker of an order would read: measured on this machine, on its first documents."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from longriver.engine.engine import Engine
from longriver.engine.errors import DeviceError, DocumentError
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.weights import pinned
from longriver.jobs.config import RunConfig
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.dataset import read_documents
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.job import Reader
from longriver.pipeline.model_files import fetched
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_display import Rate

SECONDS = 3.0
WARM_UP = b"The first step is slow. "
STEPS_BEHIND_THE_FIRST = 0.5
"""Of a network whose first step alone takes longer than ``SECONDS``, the second is waited for."""


class NotMeasured(Exception):
    """There is no rate; the message says why."""


@dataclass(slots=True)
class _Open:
    """A document in the engine, and how far it has been read."""

    document: Document
    num_bytes: int = 0


def measure(config: RunConfig, planned: Plan) -> Rate:
    """Loads the engine as a worker of the order does, and lets it read for about three seconds.

    Raises:
        OrderError: the model or the engine cannot be had as ordered.
        NotMeasured: there is nothing to measure, or not on this machine.
    """
    try:
        engine = Engine.from_config(fetched(pinned(config.model)), config.engine)
    except DeviceError as error:
        if config.cluster.kind == "local":
            raise
        raise NotMeasured(str(error)) from error
    return measure_engine(engine, config.reading, planned)


def measure_engine(
    engine: Reader, data: DataConfig, planned: Plan, clock: Callable[[], float] = time.monotonic
) -> Rate:
    """The rate at which an engine reads the first documents of a plan.

    A step's results come all at once, so the first one behind the time limit belongs to a step of
    which the others are not known: it does not count.
    """
    deque(engine.run(iter([engine.sequence(None, [WARM_UP])])), maxlen=0)
    began, limit_s, seconds = clock(), SECONDS, 0.0
    num_tokens = num_bytes = 0
    for opened, chunk in _read(engine, data, planned):
        now = clock() - began
        if num_tokens and now > limit_s:
            break
        if not num_tokens:
            limit_s = max(SECONDS, now * (1 + STEPS_BEHIND_THE_FIRST))
        seconds, end = now, int(chunk.tokens.ends[-1])
        num_tokens += len(chunk.tokens)
        num_bytes += end - opened.num_bytes
        opened.num_bytes = end
    if not num_tokens:
        raise NotMeasured("there is no text that can be read")
    return Rate(num_tokens / seconds, num_bytes / seconds)


def _read(engine: Reader, data: DataConfig, planned: Plan) -> Iterator[tuple[_Open, ScoredChunk]]:
    for result in engine.run(_sequences(engine, data, planned)):
        opened = result.sequence.key
        assert isinstance(opened, _Open)
        if isinstance(result, Failed):
            with contextlib.suppress(DocumentError):
                deque(opened.document.chunks, maxlen=0)
        elif len(result.tokens):
            yield opened, result


def _sequences(engine: Reader, data: DataConfig, planned: Plan) -> Iterator[Sequence | None]:
    for shard in planned.shards:
        for found in read_documents(shard, data):
            if found is None:
                yield None
            elif not isinstance(found, DeadLetter):
                yield engine.sequence(_Open(found), found.chunks)
