"""Stand-ins for parts of the house, handed to constructors."""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

import numpy as np
import torch

from longriver.engine.candidate import CandidateSequence
from longriver.engine.errors import DocumentError
from longriver.engine.generate.sampling import Sampling
from longriver.engine.generate.sequence import GeneratingSequence
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence as TokenSequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.token_source import TokenSource
from longriver.engine.tokenizer.base import NO_TOKENS
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.version import Version
from longriver.engine.wants import NLL, Wants
from longriver.jobs.score import ScoreAccumulator, ScoreJob
from longriver.pipeline.document import Document
from longriver.pipeline.job import Reader
from longriver.pipeline.lease import Lease
from longriver.pipeline.progress import Progress, SilentReporter
from longriver.pipeline.shard import Shard
from longriver.pipeline.worker import Worker, WorkerSpec
from longriver.pipeline.workforce import OnProgress, OnReceipt

Result = ScoredChunk | Failed

NO_MEMORY = State(Version.V7, torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1, 1))


class FakeEngine:
    """Reads bytes side by side; byte b costs b / 128 nats, which sum without rounding.

    Args:
        seed: of the order in which open documents are read on.
        bad_token: the byte at which a document fails, as on a number that is not finite.
    """

    def __init__(
        self,
        num_slots: int = 3,
        chunk_tokens: int = 4,
        seed: int = 0,
        bad_token: int | None = None,
    ) -> None:
        self.num_slots, self.chunk_tokens, self.bad_token = num_slots, chunk_tokens, bad_token
        self.random = Random(seed)
        self.num_runs = 0

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> TokenSequence:
        if start is None:
            source = TokenSource(ByteTokenizer(), chunks)
            return TokenSequence(key, source, 0, snapshot_tokens=snapshot_tokens)
        source = TokenSource(ByteTokenizer(), chunks, start.place)
        return TokenSequence.resume(key, source, start, snapshot_tokens)

    def run(
        self, sequences: Iterator[TokenSequence | None], wants: Wants = NLL
    ) -> Iterator[Result]:
        self.num_runs += 1
        opened: list[TokenSequence] = []
        has_more = True
        while has_more or opened:
            while has_more and len(opened) < self.num_slots:
                found = next(sequences, False)
                has_more = found is not False
                if not isinstance(found, TokenSequence):
                    break
                opened.append(found)
            if opened:
                result = self._read(opened[place := self.random.randrange(len(opened))])
                if isinstance(result, Failed) or result.is_last:
                    del opened[place]
                yield result

    def _read(self, sequence: TokenSequence) -> Result:
        try:
            ready = sequence.fill(self.chunk_tokens)
        except DocumentError as error:
            return Failed(sequence, error)
        if not ready:
            return ScoredChunk(sequence, NO_TOKENS, np.empty(0, np.float32), is_last=True)
        chunk = sequence.take(ready)
        if self.bad_token in chunk.tokens.ids:
            return Failed(sequence, DocumentError("nonfinite", f"byte {self.bad_token}"))
        nll = chunk.tokens.ids.astype(np.float32) / np.float32(128)
        snapshot = None if chunk.place is None else Snapshot(chunk.place, NO_MEMORY)
        return ScoredChunk(sequence, chunk.tokens, nll, chunk.is_last, snapshot)


class Killed(BaseException):
    """The end of a process, as far as a test can have one."""


class DyingEngine:
    """Reads as another engine does, and dies behind a number of results.

    num_tokens: what it has read.
    """

    def __init__(self, inside: Reader, num_results: int | None = None) -> None:
        self.inside, self.num_results = inside, num_results
        self.num_tokens = 0

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> TokenSequence:
        return self.inside.sequence(key, chunks, snapshot_tokens, start, wants)

    def candidates(
        self, key: object, context: bytes, texts: Iterable[bytes]
    ) -> list[CandidateSequence]:
        return self.inside.candidates(key, context, texts)

    def continuation(
        self, key: object, sampling: Sampling, name: str, sample: int
    ) -> GeneratingSequence:
        return self.inside.continuation(key, sampling, name, sample)

    def run(
        self, sequences: Iterator[TokenSequence | None], wants: Wants = NLL
    ) -> Iterator[Result]:
        for number, result in enumerate(self.inside.run(sequences, wants)):
            if number == self.num_results:
                raise Killed
            if isinstance(result, ScoredChunk):
                self.num_tokens += len(result.tokens)
            yield result


def fake_nll(text: bytes) -> float:
    """What ``FakeEngine`` makes of a document."""
    return sum(text) / 128


@dataclass
class FakeWorkforce:
    """One worker with a fake engine; notes what it was given."""

    engine: FakeEngine = field(default_factory=FakeEngine)
    num_hired: list[int] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    has_gpu: bool = False

    def start(self, spec: WorkerSpec, num_shards: int) -> None:
        self.num_hired.append(num_shards)
        self.worker = Worker(self.engine, spec)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        for shard in shards:
            self.given.append(shard.name)
            on_receipt(shard, self.worker.run_shard(Lease(shard), on_progress))
            on_progress(Progress())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


class ImpatientReporter(SilentReporter):
    """Somebody who presses Ctrl-C as soon as ``num_shards`` are done."""

    def __init__(self, num_shards: int) -> None:
        self.num_shards = num_shards
        self.is_stopped = False

    def update(self, session: Progress) -> None:
        if session.num_shards >= self.num_shards:
            raise KeyboardInterrupt

    def stop(self) -> None:
        self.is_stopped = True


@dataclass(frozen=True)
class RaisingJob(ScoreJob):
    """Cannot do documents whose source ends in ``where``."""

    where: str = ""
    error: Exception = field(default_factory=lambda: ValueError("this job\ncannot"))

    def open(self, document: Document) -> ScoreAccumulator:
        if document.source.endswith(self.where):
            raise self.error
        return ScoreJob.open(self, document)


@dataclass(frozen=True)
class KillingJob(ScoreJob):
    """Kills its own process, once for each of a number of marks in a folder."""

    marks: Path = Path()

    def open(self, document: Document) -> ScoreAccumulator:
        for mark in self.marks.iterdir():
            mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return ScoreJob.open(self, document)
