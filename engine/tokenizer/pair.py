"""A context and what may follow it, encoded together, as lm-evaluation-harness does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from longriver.engine.tokenizer.base import Tokenizer, Tokens, joined


@dataclass(frozen=True, slots=True)
class Continuation:
    """The tokens that stand behind a context's own.

    tokens:    of context and continuation encoded as one, all behind as many as the context has
               when it is encoded alone.
    straddles: as one they begin with other tokens than the context's: one of them reaches across.
    """

    tokens: Tokens
    straddles: bool


def continuations(
    tokenizer: Tokenizer, context: bytes, texts: Iterable[bytes]
) -> Iterator[Continuation]:
    """``TemplateLM._encode_pair`` of each; the context is encoded once.

    What a later byte cannot change is the same in all of them; the rest of the context is a few
    tokens, and encoded again before each text.
    """
    stream = tokenizer.stream()
    stream.feed(context)
    kept = stream.save()
    open_end = stream.finish()
    for text in texts:
        stream = tokenizer.stream()
        stream.restore(kept)
        behind = joined([stream.feed(text), stream.finish()])
        again = behind.ids[: len(open_end)]
        yield Continuation(behind[len(open_end) :], not np.array_equal(again, open_end.ids))
