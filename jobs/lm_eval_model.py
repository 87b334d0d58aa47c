"""The model ``longriver`` of lm-evaluation-harness, registered when this is imported."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import simple_parse_args_string
from pydantic import ValidationError
from tqdm import tqdm

from longriver.engine.candidate import CandidateSequence
from longriver.engine.engine import Engine
from longriver.engine.errors import OrderError
from longriver.engine.generate.sampling import END_OF_TEXT, Sampling
from longriver.engine.generate.sequence import GeneratingSequence
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence as TokenSequence
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.wants import UNSCORED, Wants
from longriver.jobs.lm_eval_options import LmEvalOptions, read_options, said_by_flags
from longriver.pipeline.formats.unicode import to_bytes

NO_LIMIT = 2**31 - 1
"""What is said of the longest context to who asks for a number."""

Request = tuple[tuple[str, str] | None, list[int], list[int]]
"""What is asked, as texts; the tokens of its context; those of its continuation."""

SAMPLED = ("temperature", "top_p", "top_k", "repetition_penalty")
"""Of what tasks say about generation, what goes into ``Sampling`` by the same name."""

PASSED_OVER = ("do_sample", "until", "max_gen_toks")


@register_model("longriver")
class LongriverLM(TemplateLM):
    """Contexts of any length, each distinct one read once, and all requests in shared steps.

    Args:
        given: ``--model_args``, see ``LmEvalOptions``.
        engine: to be used instead of a new one.
    """

    def __init__(self, *, engine: Engine | None = None, **given: object) -> None:
        super().__init__()
        self.options: LmEvalOptions = read_options(given)
        self.engine = engine or Engine.from_config(self.options.model, self.options.engine)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> "LongriverLM":
        """With what flags say, where the arguments say nothing of it."""
        return cls(**{**said_by_flags(additional_config or {}), **arg_dict})

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: dict[str, Any] | None = None
    ) -> "LongriverLM":
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @property
    def eot_token_id(self) -> int:
        return END_OF_TEXT

    @property
    def prefix_token_id(self) -> int:
        return self.engine.prefix_token

    @property
    def max_length(self) -> int:
        return self.options.window or NO_LIMIT

    @property
    def max_gen_toks(self) -> int:
        return self.options.max_gen_toks

    @property
    def tokenizer_name(self) -> str:
        return f"longriver-{self.engine.tokenizer.fingerprint[:16]}"

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        raise OrderError(
            "--apply_chat_template has no effect: RWKV checkpoints carry no template; leave it out"
        )

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: object
    ) -> list[int]:
        """The text's ids, the prefix token before them where contexts are to begin with it."""
        has_prefix = self.options.add_bos_token and add_special_tokens is not False
        ids: list[int] = self.engine.tokenizer.encode(to_bytes(string)).ids.tolist()
        return [self.prefix_token_id, *ids] if has_prefix else ids

    def tok_decode(self, tokens: Iterable[int]) -> str:
        return self.engine.tokenizer.decode(list(tokens)).decode("utf-8", "replace")

    def _loglikelihood_tokens(
        self, requests: Sequence[Request], disable_tqdm: bool = False, **kwargs: object
    ) -> list[tuple[float, bool]]:
        """Of every continuation: its log-probability, and whether it is the likeliest at each step.

        Those of one context are read behind one reading of it.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, (_, context, continuation) in enumerate(requests):
            groups.setdefault(tuple(self._cut(context, continuation)), []).append(index)
        trunks = (self._trunk(list(ids), requests, group) for ids, group in groups.items())
        found: dict[int, tuple[float, bool]] = {}
        with tqdm(total=len(requests), desc="log-likelihoods", disable=disable_tqdm) as bar:
            for chunk in self._read(trunks, UNSCORED):
                candidate = chunk.sequence
                if isinstance(candidate, CandidateSequence) and chunk.is_last:
                    assert isinstance(candidate.key, int)
                    answer = -candidate.nll, candidate.is_greedy
                    found[candidate.key] = answer
                    self._cache("loglikelihood", requests[candidate.key][0], answer)
                    bar.update()
        return [found[index] for index in range(len(requests))]

    def loglikelihood_rolling(
        self, requests: Sequence[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Of every text as a whole, in one go or in windows."""
        texts = [to_bytes(request.args[0]) for request in requests]
        wants = Wants(window=self.options.window)
        documents = (self.engine.sequence(i, [text], wants=wants) for i, text in enumerate(texts))
        nll: list[list[float]] = [[] for _ in texts]
        with tqdm(total=len(texts), desc="rolling", disable=disable_tqdm) as bar:
            for chunk in self._read(documents, wants):
                index = chunk.sequence.key
                assert isinstance(index, int)
                nll[index] += chunk.nll.tolist()
                if chunk.is_last:
                    answer = -math.fsum(nll[index])
                    self._cache("loglikelihood_rolling", requests[index].args, answer)
                    bar.update()
        return [-math.fsum(nats) for nats in nll]

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """What is written behind every context, up to a stop text, the end of text or the limit."""
        written: list[str] = [""] * len(requests)
        with tqdm(total=len(requests), desc="generation", disable=disable_tqdm) as bar:
            for chunk in self._read(self._prompts(requests), UNSCORED):
                sequence = chunk.sequence
                if isinstance(sequence, GeneratingSequence) and chunk.is_last:
                    index = sequence.key
                    assert isinstance(index, int)
                    written[index] = sequence.result.text
                    self._cache("generate_until", requests[index].args, written[index])
                    bar.update()
        return written

    def _prompts(self, requests: Sequence[Instance]) -> Iterator[TokenSequence]:
        """One that is asked again is another sample."""
        asked: Counter[str] = Counter()
        for index, request in enumerate(requests):
            context, kwargs = request.args
            sampling = sampling_of(kwargs, self.max_gen_toks)
            ids = self.tok_encode(context)[-max(1, self.max_length - sampling.max_tokens) :]
            trunk = self._sequence(None, ids or [self.prefix_token_id])
            sample, asked[context] = asked[context], asked[context] + 1
            trunk.followers = (self.engine.continuation(index, sampling, context, sample),)
            yield trunk

    def _cut(self, context: list[int], continuation: list[int]) -> list[int]:
        """As much of a context as the window has room for before the continuation's last token."""
        room = self.max_length + 1 - len(continuation)
        if room < 1:
            raise OrderError(
                f"--model_args window={self.options.window} is shorter than a continuation of "
                f"{len(continuation)} tokens; give a longer one"
            )
        return (context or [self.prefix_token_id])[-room:]

    def _trunk(
        self, context: list[int], requests: Sequence[Request], group: Sequence[int]
    ) -> TokenSequence:
        trunk = self._sequence(None, context)
        trunk.followers = tuple(
            CandidateSequence(index, _tokens(requests[index][2])) for index in group
        )
        return trunk

    def _sequence(self, key: object, ids: Sequence[int]) -> TokenSequence:
        """The first id stands where a document has the prefix token."""
        return TokenSequence(key, iter((_tokens(ids[1:]),)), prefix_token=ids[0])

    def _read(self, sequences: Iterator[TokenSequence], wants: Wants) -> Iterator[ScoredChunk]:
        for result in self.engine.run(sequences, wants):
            if isinstance(result, Failed):
                raise result.error
            yield result

    def _cache(self, what: str, asked: tuple[Any, ...] | None, answer: object) -> None:
        """So that ``--use_cache`` has what is done when a run is interrupted."""
        if asked is not None:
            self.cache_hook.add_partial(what, asked, answer)


def sampling_of(kwargs: Mapping[str, Any], max_gen_toks: int) -> Sampling:
    """What a task says about generation, as we say it.

    Raises:
        OrderError: it says what we do not know.
    """
    said = normalize_gen_kwargs(dict(kwargs), max_gen_toks)
    unknown = sorted(set(said) - {*SAMPLED, *PASSED_OVER})
    if unknown:
        raise OrderError(
            f"generation_kwargs: {unknown[0]} is unknown; there are "
            f"{', '.join((*SAMPLED, *PASSED_OVER))}"
        )
    chosen = {name: said[name] for name in SAMPLED if said.get(name) is not None}
    if not said["do_sample"]:
        chosen["temperature"] = 0
    stop = [text for text in said["until"] if text]
    try:
        return Sampling(max_tokens=said["max_gen_toks"], stop=tuple(stop), **chosen)
    except ValidationError as error:
        raise OrderError(f"generation_kwargs: {error.errors()[0]['msg']}") from error


def _tokens(ids: Sequence[int]) -> Tokens:
    """Where they end in a text is not known; a number that is not finite is told by its place."""
    return Tokens(np.array(ids, np.int32), np.arange(1, len(ids) + 1, dtype=np.int64))
