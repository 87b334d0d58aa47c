"""A recurrent state as one vector: a fixed projection, of which nothing is learnt."""

import functools

import numpy as np
import numpy.typing as npt

from longriver.engine.state import State
from longriver.engine.version import Version

# L layers · D width · m numbers of the state for each of the vector

Doubles = npt.NDArray[np.float64]

SEED = 7
"""Of NumPy's RandomState, whose numbers are promised never to change."""


def sketch(state: State, layer: int) -> Doubles:
    """The state of one slot, [D]; inner products are kept on average, and for D = m exactly.

    Every number gets a random sign and is added to one of D sums, each of as many numbers: a
    projection with orthonormal rows (count sketch, Charikar et al. 2002).

    Args:
        layer: counted from 1; -1: all of them, each scaled to length 1 first.
    """
    layers = range(len(state.wkv)) if layer == -1 else [layer - 1]
    memory = np.concatenate([_unit(_memory(state, index)) for index in layers])
    order, signs = _plan(len(memory))
    width = state.shift.shape[-1]
    signed = memory[order] * signs
    found: Doubles = signed.reshape(width, -1).sum(1) / np.sqrt(len(memory) // width)
    return found


def _memory(state: State, index: int) -> Doubles:
    """RWKV-4's is an average of values that two of its three vectors make."""
    wkv = state.wkv[index, 0].double().cpu().numpy()
    flat: Doubles = wkv[0] / wkv[1] if state.version == Version.V4 else wkv.reshape(-1)
    return flat


def _unit(vector: Doubles) -> Doubles:
    length = np.linalg.norm(vector)
    return vector / length if length else vector


@functools.lru_cache(maxsize=4)
def _plan(size: int) -> tuple[npt.NDArray[np.int64], Doubles]:
    random = np.random.RandomState(SEED)
    order = random.permutation(size).astype(np.int64)
    return order, np.where(random.randint(0, 2, size) == 1, 1.0, -1.0)
