"""The dotted keys that an order may have, as its pydantic models know them."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    default: the value without an override; ``REQUIRED`` where there is none.
    is_text: any text at all is a value, so nothing in it needs Hydra's grammar.
    is_list: values with commas between them are one value.
    """

    name: str
    default: object
    is_text: bool
    is_list: bool


REQUIRED = PydanticUndefined


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, Key]:
    """All settings below ``model`` in the order in which they are declared."""
    keys: dict[str, Key] = {}
    for name, field in model.model_fields.items():
        dotted = f"{prefix}{field.alias or name}"
        types = _flat(field.annotation)
        nested = [t for t in types if isinstance(t, type) and issubclass(t, BaseModel)]
        for part in nested:
            keys |= keys_of(part, f"{dotted}.")
        if not nested:
            default = field.get_default(call_default_factory=False)
            is_list = any(get_origin(each) is tuple for each in types)
            keys[dotted] = Key(dotted, default, str in types, is_list)
    return keys


def _flat(annotation: object) -> list[object]:
    """The members of a union, however they are annotated."""
    if get_origin(annotation) is Annotated:
        return _flat(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in _flat(member)]
    return [annotation]


def advice_on_unknown(name: str, keys: Iterable[str]) -> str:
    """What to write instead of a key that does not exist."""
    known = list(keys)
    groups = list(dict.fromkeys(key.partition(".")[0] for key in known))
    close = _closest(name, known) or (None if "." in name else _closest(name, groups))
    return f"did you mean {close}?" if close else keys_below(name, known)


def keys_below(name: str, keys: Iterable[str]) -> str:
    """The keys below ``name``, or those of the group that it is in, or else the groups."""
    known = list(keys)
    group = name.partition(".")[0]
    below = [key for key in known if key.startswith(f"{name}.")]
    siblings = below or [key for key in known if key.startswith(f"{group}.")]
    groups = dict.fromkeys(key.partition(".")[0] for key in known)
    return f"there are {', '.join(siblings or groups)}"


def _closest(name: str, known: list[str]) -> str | None:
    """By the whole key first, then by its last part, which people remember better."""
    last: Mapping[str, str] = {key.rpartition(".")[2]: key for key in reversed(known)}
    if whole := difflib.get_close_matches(name, known, n=1, cutoff=0.7):
        return whole[0]
    leaf = difflib.get_close_matches(name.rpartition(".")[2], list(last), n=1, cutoff=0.7)
    return last[leaf[0]] if leaf else None
