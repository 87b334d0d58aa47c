"""Reads Hugging Face PEFT's ``adapter_config.json``: how much an adapter weighs."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from longriver.engine.weights.source import Source, shown
from longriver.engine.weights.untrusted_json import read_object

HARMLESS_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")
"""Values of ``init_lora_weights`` that leave the checkpoint as it was."""

UNMERGED = {
    "use_dora": "DoRA",
    "fan_in_fan_out": "weights of [in, out], which no RWKV has",
    "lora_bias": "biases beside B",
    "layer_replication": "repeated layers",
    "alora_invocation_tokens": "an adapter that some tokens switch on",
    "target_parameters": "adapted parameters that are no layers",
    "trainable_token_indices": "new embeddings of some tokens",
    "use_qalora": "QALoRA",
    "use_bdlora": "block-diagonal LoRA",
    "arrow_config": "a mixture of adapters",
    "megatron_config": "Megatron's layers",
}
"""Fields that, when they say anything, ask for more than ``W + scale · B A``."""

T = TypeVar("T")

PLAIN_PATTERN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")


@dataclass(frozen=True, slots=True)
class PeftConfig:
    """The numbers behind ``scale``.

    rank_pattern, alpha_pattern: by the end of a module's name, or all of it after ``^``.
    """

    rank: int
    alpha: float
    is_rank_stabilized: bool
    rank_pattern: dict[str, int]
    alpha_pattern: dict[str, float]

    def scale(self, source: Source, module: str, rank: int) -> float:
        """What ``B A`` of a module is multiplied by.

        Raises:
            WeightsError: its tensors have another rank than the configuration says.
        """
        expected = _matching(self.rank_pattern, module, self.rank)
        if rank != expected:
            raise source.wrong(
                f"has {module} of rank {rank}, but its configuration says {expected}"
            )
        alpha = _matching(self.alpha_pattern, module, self.alpha)
        return alpha / math.sqrt(rank) if self.is_rank_stabilized else alpha / rank

    def canonical(self) -> str:
        """The same text for the same numbers."""
        return json.dumps(asdict(self), sort_keys=True)


def read_peft_config(source: Source, file: Path) -> PeftConfig:
    """Reads ``adapter_config.json``.

    Raises:
        WeightsError: names a field that is missing, of another kind, or asks for another method.
    """
    fields = read_object(source, file)
    if fields.get("peft_type") != "LORA":
        found = shown(fields.get("peft_type"))
        raise source.wrong(f"has peft_type {found}; only 'LORA' is merged here")
    for name, meaning in UNMERGED.items():
        if fields.get(name):
            raise source.wrong(f"has {name} {shown(fields[name])}: {meaning}; merge it with peft")
    _judge_start(source, fields.get("init_lora_weights"))
    return PeftConfig(
        rank=_rank(source, "r", fields.get("r")),
        alpha=_alpha(source, "lora_alpha", fields.get("lora_alpha")),
        is_rank_stabilized=_flag(source, "use_rslora", fields.get("use_rslora")),
        rank_pattern={
            key: _rank(source, f"rank_pattern of {key}", value)
            for key, value in _pattern(source, "rank_pattern", fields).items()
        },
        alpha_pattern={
            key: _alpha(source, f"alpha_pattern of {key}", value)
            for key, value in _pattern(source, "alpha_pattern", fields).items()
        },
    )


def _judge_start(source: Source, found: object) -> None:
    if not isinstance(found, str | bool | None) or found not in HARMLESS_STARTS:
        raise source.wrong(
            f"has init_lora_weights {shown(found)}, which changed the checkpoint itself; save the "
            "adapter with peft's path_initial_model_for_weight_conversion"
        )


def _matching(patterns: Mapping[str, T], module: str, otherwise: T) -> T:
    for pattern, value in patterns.items():
        exact = pattern.removeprefix("^")
        if module == exact or (exact == pattern and module.endswith(f".{pattern}")):
            return value
    return otherwise


def _pattern(source: Source, name: str, fields: Mapping[str, object]) -> dict[str, object]:
    found = fields.get(name)
    if not found:
        return {}
    if not isinstance(found, dict):
        raise source.wrong(f"has {name} {shown(found)}, names with numbers are needed")
    for key in found:
        if not set(key.removeprefix("^")) <= PLAIN_PATTERN:
            raise source.wrong(
                f"has {shown(key)} in {name}; only plain names are read, no patterns"
            )
    return found


def _rank(source: Source, name: str, found: object) -> int:
    if type(found) is not int or not 0 < found < 1 << 20:
        raise source.wrong(f"has {name} {shown(found)}, a rank is needed")
    return found


def _alpha(source: Source, name: str, found: object) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1e9:
        raise source.wrong(f"has {name} {shown(found)}, a positive number is needed")
    return float(found)


def _flag(source: Source, name: str, found: object) -> bool:
    if not isinstance(found, bool | None):
        raise source.wrong(f"has {name} {shown(found)}, true or false is needed")
    return bool(found)
