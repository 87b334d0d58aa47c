"""Reads many documents at once through one network: slots, steps, and scores as they come."""

import logging
from collections.abc import Iterable, Iterator

import numba
import numpy as np
import numpy.typing as npt
import torch

from longriver.engine import rwkv7
from longriver.engine.batch import pack
from longriver.engine.checkpoint import fitting_tokenizer
from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.errors import DocumentError
from longriver.engine.nll import NllSum
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.row_quantum import find_row_quantum
from longriver.engine.rwkv7_load import load_rwkv7
from longriver.engine.scheduler import share
from longriver.engine.sequence import NO_TOKENS, Chunk, Sequence
from longriver.engine.settings import Settings, resolve
from longriver.engine.text_counts import TextCounter
from longriver.engine.tokenizer.base import Tokenizer, Tokens

logger = logging.getLogger(__name__)

Result = ScoredChunk | Failed


class Engine:
    """A model with its slots, in this process; needs neither Ray nor Arrow.

    >>> engine = Engine.from_config()
    >>> engine.score(["It is a truth universally acknowledged"])[0].bits_per_byte  # doctest: +SKIP
    1.6
    """

    def __init__(
        self, model: rwkv7.Rwkv7, tokenizer: Tokenizer, settings: Settings, prefix_token: int = 0
    ) -> None:
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.prefix_token = prefix_token
        _set_threads(settings.num_threads)
        self.row_quantum = _row_quantum(model, settings)

    @staticmethod
    def from_config(
        model: ModelConfig | None = None, engine: EngineConfig | None = None
    ) -> "Engine":
        """Loads the checkpoint and its tokenizer; by default the embedded model.

        Raises:
            OrderError: what was asked for is not there, or does not fit together.
        """
        order = model or ModelConfig()
        settings = resolve(engine or EngineConfig())
        network = load_rwkv7(order.path, settings.device, settings.dtype)
        tokenizer = fitting_tokenizer(order, network)
        return Engine(network, tokenizer, settings, order.prefix_token)

    def sequence(self, key: object, chunks: Iterable[bytes | memoryview]) -> Sequence:
        """A document's bytes as a sequence that tokenizes them when they are needed."""
        stream = self.tokenizer.stream()

        def pieces() -> Iterator[Tokens]:
            for chunk in chunks:
                yield stream.feed(chunk)
            yield stream.finish()

        return Sequence(key, pieces(), self.prefix_token)

    def score(self, texts: Iterable[str | bytes]) -> list[NllSum]:
        """Scores whole texts; the results are in the order of the texts.

        Raises:
            DocumentError: when a log-likelihood is not finite.
        """
        data = [text.encode() if isinstance(text, str) else text for text in texts]
        sums = [_nothing_read(text) for text in data]
        for result in self.run(self.sequence(i, [text]) for i, text in enumerate(data)):
            if isinstance(result, Failed):
                raise result.error
            index = result.sequence.key
            assert isinstance(index, int)
            sums[index] += NllSum(float(result.nll.sum(dtype=np.float64)), len(result.nll))
        return sums

    def run(self, sequences: Iterator[Sequence | None]) -> Iterator[Result]:
        """Reads sequences to their ends, pulling the next one whenever a slot is free.

        Args:
            sequences: None where no other can be opened before the open ones are read on.

        Yields:
            For each sequence its chunks in order, the last one marked; those of different
            sequences are interleaved. What one sequence yields does not depend on the others.
        """
        return _Run(self, sequences).results()


class _Run:
    """One call of ``Engine.run``: its slots, its state, and where its sequences come from."""

    def __init__(self, engine: Engine, sequences: Iterator[Sequence | None]) -> None:
        self.engine, self.sequences = engine, sequences
        self.budget = engine.settings.tokens_per_step
        self.open: dict[int, Sequence] = {}
        self.state = engine.model.zero_state(engine.settings.num_slots)
        self.has_more = True

    def results(self) -> Iterator[Result]:
        while self.has_more or self.open:
            yield from self._admit()
            ready: dict[int, int] = {}
            yield from self._fill(ready)
            if ready:
                yield from self._step(ready)

    def _admit(self) -> Iterator[Result]:
        """Gives free slots to the next sequences; empty ones are done at once."""
        free = [s for s in range(self.engine.settings.num_slots) if s not in self.open]
        while free and self.has_more:
            try:
                sequence = next(self.sequences)
            except StopIteration:
                self.has_more = False
                return
            if sequence is None:
                assert self.open, "nothing is open, yet no sequence can be opened"
                return
            result = self._try_open(sequence)
            if result is not None:
                yield result
            else:
                slot = free.pop(0)
                self.open[slot] = sequence
                self.state.clear(slot)

    def _try_open(self, sequence: Sequence) -> Result | None:
        try:
            is_empty = sequence.fill(self.budget) == 0
        except DocumentError as error:
            return Failed(sequence, error)
        empty = ScoredChunk(sequence, NO_TOKENS, np.empty(0, np.float32), is_last=True)
        return empty if is_empty else None

    def _fill(self, ready: dict[int, int]) -> Iterator[Result]:
        for slot, sequence in list(self.open.items()):
            try:
                ready[slot] = sequence.fill(self.budget)
            except DocumentError as error:
                del self.open[slot]
                yield Failed(sequence, error)

    def _step(self, ready: dict[int, int]) -> Iterator[Result]:
        counts = share(list(ready.values()), self.budget)
        chunks = {
            slot: self.open[slot].take(count)
            for slot, count in zip(ready, counts, strict=True)
            if count
        }
        values = self._forward(chunks)
        begin = 0
        for slot, chunk in chunks.items():
            end = begin + len(chunk.tokens)
            yield self._result(slot, chunk, values[begin:end])
            begin = end

    @torch.inference_mode()
    def _forward(self, chunks: dict[int, Chunk]) -> npt.NDArray[np.float32]:
        model = self.engine.model
        batch = pack(chunks, self.engine.row_quantum, model.device)
        hidden, self.state = rwkv7.forward(model, batch, self.state)
        values: npt.NDArray[np.float32] = rwkv7.nll(model, hidden, batch).cpu().numpy()
        return values

    def _result(self, slot: int, chunk: Chunk, values: npt.NDArray[np.float32]) -> Result:
        sequence = self.open[slot]
        finite = np.isfinite(values)
        if finite.all() and not chunk.is_last:
            return ScoredChunk(sequence, chunk.tokens, values, is_last=False)
        del self.open[slot]
        if finite.all():
            return ScoredChunk(sequence, chunk.tokens, values, is_last=True)
        first = int(np.argmin(finite))
        where = f"the token that ends at byte {chunk.tokens.ends[first]}"
        return Failed(sequence, DocumentError("nonfinite", f"{where} has nll {values[first]}"))


def _nothing_read(text: bytes) -> NllSum:
    counter = TextCounter()
    counter.update(text)
    return NllSum(num_bytes=counter.counts.num_bytes, num_words=counter.counts.num_words)


def _set_threads(num_threads: int | None) -> None:
    if num_threads is None:
        return
    torch.set_num_threads(num_threads)
    if num_threads > 1:
        numba.set_num_threads(min(num_threads, numba.config.NUMBA_NUM_THREADS))


def _row_quantum(model: rwkv7.Rwkv7, settings: Settings) -> int:
    if settings.device.type == "cuda":
        return settings.tokens_per_step if settings.reproducible else 16
    weights = [w for layer in model.layers for w in (layer.att.key, layer.ffn.key, layer.ffn.value)]
    weights += [layer.att.decay.down for layer in model.layers] + [model.head[:1024]]
    quantum = find_row_quantum(weights)
    if quantum is None:
        logger.warning("matrix products here depend on their size: steps run at one fixed size")
    return quantum or settings.tokens_per_step
