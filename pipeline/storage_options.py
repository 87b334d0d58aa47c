"""What fsspec has to be told of a store beside its URL: keys, addresses, switches."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr

Value: TypeAlias = bool | int | float | SecretStr

StorageOptions: TypeAlias = Mapping[str, Value | Mapping[str, Value]]
"""Keyword arguments of fsspec's file system. Every text is a secret: which of them is one, only
the store knows."""

HiddenOptions = Annotated[
    dict[str, Value | dict[str, Value]],
    Field(default_factory=dict, exclude=True, repr=False),
    BeforeValidator(lambda given: {} if given is None else given),
]
"""As part of an order: never in what is recorded of the order, nor in its repr."""

NO_OPTIONS: StorageOptions = {}


def disclosed(options: StorageOptions) -> dict[str, object]:
    """The options with their secrets, for fsspec alone."""
    return {name: _plain(value) for name, value in options.items()}


def _plain(value: Value | Mapping[str, Value]) -> object:
    if isinstance(value, Mapping):
        return disclosed(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else value
