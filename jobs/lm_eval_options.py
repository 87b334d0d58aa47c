"""What lm-evaluation-harness may be told of us in ``--model_args``, sorted and judged."""

import difflib
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longriver.engine.config import EngineConfig, ModelConfig
from longriver.jobs.complaint import ConfigError, complaint
from longriver.jobs.keys import keys_of

UNSET = {"batch_size": (None, 1, "1"), "max_batch_size": (None,), "device": (None, "cuda:0")}
"""What lm-eval says of its flags where its user has said nothing."""


class LmEvalOptions(BaseModel):
    """A model for lm-eval; keys of its parts are given without the part's name.

    add_bos_token: the prefix token stands before every context, as the RWKV papers have it. lm-eval
                   has it before empty contexts alone, and so have we unless told otherwise.
    window:        tokens that a transformer would see at once: contexts are cut to so many, and
                   rolling log-likelihoods are those of windows. None: there is no limit.
    max_gen_toks:  tokens that are generated at most, where the task does not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelConfig = ModelConfig()
    engine: EngineConfig = EngineConfig()
    add_bos_token: bool = False
    window: Annotated[int, Field(ge=2)] | None = None
    max_gen_toks: Annotated[int, Field(ge=1)] = 256


PARTS: Mapping[str, type[BaseModel]] = {"model": ModelConfig, "engine": EngineConfig}
OWN = ("add_bos_token", "window", "max_gen_toks")


def said_by_flags(flags: Mapping[str, object]) -> dict[str, object]:
    """Of the flags that lm-eval hands to every model: those that were given."""
    return {name: value for name, value in flags.items() if value not in UNSET.get(name, (None,))}


def read_options(given: Mapping[str, object]) -> LmEvalOptions:
    """Raises ConfigError for what lm-eval was told and cannot be done."""
    parts: dict[str, dict[str, object]] = {"model": {}, "engine": {}}
    own: dict[str, object] = {}
    for name, value in given.items():
        if name in ("batch_size", "max_batch_size"):
            raise ConfigError(
                f"--{name} {value} has no effect: requests share steps of tokens_per_step=N "
                "tokens; give that in --model_args, or leave it out"
            )
        home = next((part for part, form in PARTS.items() if name in form.model_fields), None)
        if home is None and name not in OWN:
            raise ConfigError(_unknown(name))
        (own if home is None else parts[home])[name] = value
    return _judged({**parts, **own})


def _judged(order: Mapping[str, object]) -> LmEvalOptions:
    try:
        return LmEvalOptions.model_validate(order)
    except ValidationError as error:
        said = str(complaint(error, keys_of(LmEvalOptions)))
        raise ConfigError(said.removeprefix("model.").removeprefix("engine.")) from error


def _unknown(name: str) -> str:
    known = [*OWN, *(name for form in PARTS.values() for name in form.model_fields)]
    close = difflib.get_close_matches({"pretrained": "path"}.get(name, name), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return f"--model_args {name}=… is unknown; {hint}"
