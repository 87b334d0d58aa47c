"""Reads many documents at once through one network: slots, steps, and scores as they come."""

import functools
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

import numba
import numpy as np
import torch
from torch import Tensor

from longriver.engine.candidate import CandidateSequence
from longriver.engine.checkpoint import fitting_tokenizer
from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.embedding.form import Form, Precision, Vector
from longriver.engine.embedding.pool import Pooling
from longriver.engine.embedding.texts import Recipe, embed
from longriver.engine.generate.sampler import Mask, check_stop_tokens, writable
from longriver.engine.generate.sampling import Sampling
from longriver.engine.generate.sequence import Continuation, GeneratingSequence
from longriver.engine.generate.texts import generate, stream
from longriver.engine.given_texts import given_text, given_texts
from longriver.engine.network import Network
from longriver.engine.network.load import load_network
from longriver.engine.nll import NllSum
from longriver.engine.reading import Reading, Result
from longriver.engine.result import Failed
from longriver.engine.row_quantum import find_row_quantum
from longriver.engine.sequence import Sequence
from longriver.engine.settings import Settings, resolve
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.text_counts import TextCounter
from longriver.engine.token_source import TokenSource
from longriver.engine.tokenizer.base import Tokenizer
from longriver.engine.tokenizer.pair import continuations
from longriver.engine.transfer import Transfer, for_device
from longriver.engine.wants import NLL, Wants
from longriver.engine.weights import fingerprint
from longriver.engine.windowed import WindowedSequence
from longriver.kernels.nll.blocked import VOCAB_BLOCK
from longriver.kernels.nll.head import row_blocks

logger = logging.getLogger(__name__)

AS_IT_IS = Sampling()

WARM_UP = b"The first step is slow. "


class Engine:
    """A model with its slots, in this process; needs neither Ray nor Arrow.

    >>> engine = Engine.from_config()
    >>> engine.score(["It is a truth universally acknowledged"])[0].bits_per_byte  # doctest: +SKIP
    1.6
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        settings: Settings,
        transfer: Transfer | None = None,
    ) -> None:
        self.network, self.tokenizer, self.settings = network, tokenizer, settings
        self.transfer = transfer or for_device(settings.device)
        _set_threads(settings.num_threads)
        self.row_quantum = _row_quantum(network, settings)

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
        network = load_network(order, settings.device, settings.dtype)
        tokenizer = fitting_tokenizer(order, network.vocab_size)
        return Engine(network, tokenizer, settings)

    @property
    def prefix_token(self) -> int:
        """The id that stands before the first token of every document."""
        return self.network.source.prefix_token

    @property
    def blank(self) -> State:
        """The state of one document before its first token."""
        return self.network.blank

    @functools.cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) of all that makes the weights; reads their files once."""
        return fingerprint(self.network.source)

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> Sequence:
        """A document's bytes as a sequence that tokenizes them when they are needed.

        Args:
            chunks: the document from its first byte, also where it goes on from a snapshot.
            snapshot_tokens: see ``Sequence``.
            start: where to go on. The sequence fails with ``StaleSnapshot`` if the document does
                not begin with the bytes that were read then.
            wants: what the sequence is opened with.
        """
        last = wants.reads_last
        source = TokenSource(self.tokenizer, chunks, None if start is None else start.place)
        if wants.window is not None:
            prefix = self.prefix_token
            return WindowedSequence(key, source, prefix, wants.window, snapshot_tokens, start)
        if start is None:
            return Sequence(key, source, self.prefix_token, None, snapshot_tokens, last)
        return Sequence.resume(key, source, start, snapshot_tokens, last)

    def warm_up(self) -> None:
        """Reads a word, so that compiled code is there: the first time that takes a while."""
        deque(self.run(iter([self.sequence(None, [WARM_UP])])), maxlen=0)

    def score(self, texts: Iterable[str | bytes]) -> list[NllSum]:
        """Scores whole texts; the results are in the order of the texts.

        Raises:
            TypeError: see ``given_texts``.
            DocumentError: when a log-likelihood is not finite.
        """
        data = given_texts(texts)
        sums = [_nothing_read(text) for text in data]
        for result in self.run(self.sequence(i, [text]) for i, text in enumerate(data)):
            if isinstance(result, Failed):
                raise result.error
            index = result.sequence.key
            assert isinstance(index, int)
            sums[index] += NllSum(float(result.nll.sum(dtype=np.float64)), len(result.nll))
        return sums

    def embed(
        self,
        texts: str | bytes | Iterable[str | bytes],
        *,
        pooling: Pooling = "mean",
        layer: int = -1,
        normalize_embeddings: bool = False,
        precision: Precision = "float32",
        truncate_dim: int | None = None,
        passes: Literal[1, 2] = 1,
    ) -> Vector:
        """Vectors of whole texts, as ``encode`` of sentence-transformers gives them.

        Args:
            texts: a single one gives a vector [D], several give [n, D], in their order; that of an
                empty text is zero.
            pooling, layer: see ``Pool`` and ``Wants``.
            precision, truncate_dim: see ``Form``.
            passes: 2: texts are read twice, and the vectors are those of the second reading.

        Raises:
            OrderError: there are no such vectors, or not of this network.
            TypeError: something is no text.
            DocumentError: when a vector is not finite.
        """
        form = Form(truncate_dim, normalize_embeddings, precision)
        recipe = Recipe(pooling, layer, passes, form)
        recipe.check(len(self.network.layers), self.network.width)
        is_single = isinstance(texts, str | bytes)
        data = given_texts([texts] if isinstance(texts, str | bytes) else texts)
        found = embed(self, data, recipe, self.network.width)
        return found[0] if is_single else found

    @functools.cached_property
    def writable_V(self) -> Mask:
        """Which tokens the vocabulary has a text for; a network may have rows for more."""
        return writable(self.tokenizer, self.network.vocab_size)

    def candidates(
        self, key: object, context: bytes, texts: Iterable[bytes]
    ) -> list[CandidateSequence]:
        """What might be read behind the sequence of a context, text by text.

        Each is tokenized together with the context, see ``continuations``.
        """
        found = continuations(self.tokenizer, context, texts)
        return [CandidateSequence(key, each.tokens, each.straddles) for each in found]

    def continuation(
        self, key: object, sampling: Sampling, name: str, sample: int
    ) -> GeneratingSequence:
        """What is written behind the sequence that it follows.

        Args:
            name, sample: with the seed they decide what is drawn, see ``uniform``.

        Raises:
            OrderError: the network has not all of the stop tokens.
        """
        check_stop_tokens(sampling.stop_tokens, self.network.vocab_size, "stop_tokens")
        return GeneratingSequence(key, self.tokenizer, sampling, self.writable_V, name, sample)

    def generate(
        self, prompts: Iterable[str | bytes], sampling: Sampling = AS_IT_IS, num_samples: int = 1
    ) -> list[list[Continuation]]:
        """Goes on with every prompt, of any length, so many times; it is read once.

        What is written depends on the prompt, its place among the prompts and the seed.

        Raises:
            OrderError: the network has not all of the stop tokens, or so many samples are none.
            TypeError: see ``given_texts``.
            DocumentError: when a number is not finite.
        """
        return generate(self, given_texts(prompts), sampling, num_samples)

    def stream(self, prompt: str | bytes, sampling: Sampling = AS_IT_IS) -> Iterator[str]:
        """What ``generate`` writes behind a single prompt, whenever characters are certain.

        Raises:
            OrderError, TypeError, DocumentError: see ``generate``.
        """
        return stream(self, given_text(prompt), sampling)

    def run(self, sequences: Iterator[Sequence | None], wants: Wants = NLL) -> Iterator[Result]:
        """See ``open``, for who needs the results alone."""
        return iter(self.open(sequences, wants))

    def open(self, sequences: Iterator[Sequence | None], wants: Wants = NLL) -> Reading:
        """Reads sequences to their ends, pulling the next one whenever a slot is free.

        On a GPU results are handed out while it is at the step behind theirs.

        Args:
            sequences: None where no other can be opened before the open ones are read on.
            wants: what comes with the chunks.

        Yields:
            For each sequence its chunks in order, the last one marked; those of different
            sequences are interleaved. What one sequence yields does not depend on the others.
        """
        return Reading(
            self.network, self.settings, self.row_quantum, sequences, self.transfer, wants
        )


def _nothing_read(text: bytes) -> NllSum:
    counter = TextCounter()
    counter.update(text)
    return NllSum(num_bytes=counter.counts.num_bytes, num_words=counter.counts.num_words)


def _set_threads(num_threads: int) -> None:
    torch.set_num_threads(num_threads)
    if num_threads > 1:
        numba.set_num_threads(min(num_threads, numba.config.NUMBA_NUM_THREADS))


def _row_quantum(network: Network, settings: Settings) -> int:
    if settings.device.type == "cuda":
        return settings.tokens_per_step if settings.reproducible else 16
    blocks = [*network.matrices, row_blocks(network.head, VOCAB_BLOCK)[0]]
    quantum = find_row_quantum(block for block in blocks if isinstance(block, Tensor))
    if quantum is None:
        logger.warning("matrix products here depend on their size: steps run at one fixed size")
    return quantum or settings.tokens_per_step
