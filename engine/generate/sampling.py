"""How a text is to be gone on with."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

END_OF_TEXT = 0

Finite = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]
"""A list, or a text alone."""
Ids = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, int) else given),
]
"""A list, or an id alone."""


class Sampling(BaseModel):
    """How a continuation's tokens are chosen, and where it ends.

    max_tokens:  at most so many are chosen.
    temperature: logits are divided by it; 0: the likeliest token is taken.
    top_p:       only among the likeliest tokens that together have this probability.
    top_k:       only among the k likeliest; null: among all.
    presence_penalty, frequency_penalty, repetition_penalty, penalty_decay: see ``Penalties``.
    stop:        it ends before any of these texts.
    stop_tokens: it ends with any of these ids, which are not seen in its text; 0 ends RWKV's texts.
    seed:        of the random numbers, see ``uniform``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=1)] | None = None
    presence_penalty: Finite = 0.0
    frequency_penalty: Finite = 0.0
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    penalty_decay: Annotated[float, Field(ge=0, le=1)] = 1.0
    stop: Texts = ()
    stop_tokens: Ids = (END_OF_TEXT,)
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @property
    def has_penalties(self) -> bool:
        found = (self.presence_penalty, self.frequency_penalty, self.repetition_penalty)
        return found != (0, 0, 1)
