"""What has to be known to read a document on from its middle."""

from dataclasses import dataclass

import torch

from longriver.engine.saved import Arrays, inside, of_bytes, taken_from, whole
from longriver.engine.state import State
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.version import Version


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sequence stands behind a chunk that was taken of it.

    num_tokens: tokens of the document up to here.
    num_bytes:  the bytes that they end at.
    last_token: the one that the network reads next.
    waiting:    tokens that have come out of the tokenizer and are still to be taken.
    source:     what the source of the tokens says of itself; nothing where it is a plain iterator.
    """

    num_tokens: int
    num_bytes: int
    last_token: int
    waiting: Tokens
    source: Arrays


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A place in a document, and the state of one slot there: all tokens but the last are read."""

    place: Place
    state: State

    def save(self) -> Arrays:
        """As arrays; on a GPU this waits for the copy of the state."""
        place = self.place
        numbers = whole(place.num_tokens, place.num_bytes, place.last_token)
        return {
            "place": numbers,
            "waiting.ids": place.waiting.ids,
            "waiting.ends": place.waiting.ends,
            "state.shift": self.state.shift.cpu().numpy(),
            "state.wkv": self.state.wkv.cpu().numpy(),
            "state.version": of_bytes(self.state.version.encode()),
            **inside("source", place.source),
        }

    @staticmethod
    def restore(saved: Arrays) -> "Snapshot":
        """The snapshot that ``save`` was asked for, its state on the CPU."""
        num_tokens, num_bytes, last_token = saved["place"].tolist()
        waiting = Tokens(saved["waiting.ids"], saved["waiting.ends"])
        place = Place(num_tokens, num_bytes, last_token, waiting, taken_from(saved, "source"))
        version = Version(saved["state.version"].tobytes().decode())
        shift, wkv = torch.from_numpy(saved["state.shift"]), torch.from_numpy(saved["state.wkv"])
        return Snapshot(place, State(version, shift, wkv))
