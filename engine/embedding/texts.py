"""Vectors of whole texts, side by side, in their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from longriver.engine.embedding.form import Form, Precision, Vector, check_truncate_dim
from longriver.engine.embedding.pool import Pool, Pooling, check_layer
from longriver.engine.errors import OrderError
from longriver.engine.reader import Reader
from longriver.engine.result import Failed
from longriver.engine.sequence import Sequence
from longriver.engine.wants import Wants


@dataclass(frozen=True, slots=True)
class Recipe:
    """How texts become vectors; see ``Engine.embed``."""

    pooling: Pooling
    layer: int
    passes: int
    form: Form

    @property
    def wants(self) -> Wants:
        return wants_of(self.pooling, self.layer)

    def check(self, num_layers: int, width: int) -> None:
        """Raises OrderError for what is no recipe, or none for a network of this shape."""
        _check_name("pooling", self.pooling, get_args(Pooling))
        _check_name("precision", self.form.precision, get_args(Precision))
        _check_name("passes", self.passes, (1, 2))
        check_layer(self.layer, num_layers, self.pooling)
        check_truncate_dim(self.form.truncate_dim, width, self.form.precision)


def wants_of(pooling: Pooling, layer: int) -> Wants:
    """What a pooling needs to be told."""
    if pooling == "state":
        return Wants(nll=False, state=True)
    return Wants(nll=False, layer=layer)


def embed(reader: Reader, texts: list[bytes], recipe: Recipe, width: int) -> Vector:
    """[n, D], a row for each text.

    Raises:
        DocumentError: when a vector is not finite.
    """
    found = np.stack([recipe.form.nothing(width)] * len(texts)) if texts else _none(recipe, width)
    open_pools: dict[Sequence, tuple[int, Pool]] = {}

    def sequences() -> Iterator[Sequence]:
        for index, text in enumerate(texts):
            first, counted = _sequences(reader, text, recipe)
            open_pools[counted] = index, Pool(recipe.pooling, recipe.layer)
            yield first

    for result in reader.run(sequences(), recipe.wants):
        if isinstance(result, Failed):
            raise result.error
        if result.sequence in open_pools:
            index, pool = open_pools[result.sequence]
            pool.add(len(result.read), result.hidden)
            if result.is_last:
                del open_pools[result.sequence]
                if pool.num_tokens:
                    found[index] = recipe.form.of(pool.vector(result.state))
    return found


def _check_name(key: str, value: object, names: tuple[object, ...]) -> None:
    if value not in names:
        raise OrderError(f"{key}={value}: give one of {', '.join(map(str, names))}")


def _sequences(reader: Reader, text: bytes, recipe: Recipe) -> tuple[Sequence, Sequence]:
    """What is opened, and what the vector is of."""
    first = reader.sequence(None, [text], wants=recipe.wants)
    if recipe.passes == 1:
        return first, first
    second = reader.sequence(None, [text], wants=recipe.wants)
    first.followers = (second,)
    return first, second


def _none(recipe: Recipe, width: int) -> Vector:
    return np.empty((0, recipe.form.length(width)), recipe.form.number_type)
