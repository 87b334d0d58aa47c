"""Vectors of whole texts, side by side, in their order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from longriver.engine.embedding.form import Form, Vector
from longriver.engine.embedding.pool import Pool, Pooling
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
