"""What the network remembers of every open document: a float32 value that the caller owns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from longriver.engine.state_file import damaged, read_tagged, write_tagged
from longriver.engine.version import Version

# L layers · t time mix, channel mix · S slots · D width · H heads · K keys, V values of a head

FORMAT = "longriver state 1"
LAYOUTS = dict.fromkeys(Version, "shift LtSD, wkv LSHKV") | {Version.V4: "shift LtSD, wkv LS3D"}


class Model(Protocol):
    """The model that a state belongs to: an ``Engine``."""

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of all that makes the weights."""
        ...

    @property
    def blank(self) -> "State":
        """The state of one document before its first token."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """The recurrent state of all slots.

    shift: [L, 2, S, D], the last normed input of each layer's time mix and channel mix.
    wkv:   what each layer's time mix holds. RWKV-4: [L, S, 3, D], numerator, denominator and their
           exponent. Later versions: [L, S, H, K, V], the matrix of each head.
    """

    version: Version
    shift: Tensor
    wkv: Tensor

    @property
    def num_slots(self) -> int:
        return self.shift.shape[2]

    @property
    def bytes_per_slot(self) -> int:
        """Memory of one document, whatever its length."""
        numbers = self.shift.numel() + self.wkv.numel()
        return numbers * self.shift.element_size() // self.num_slots

    def take(self, slots: Sequence[int]) -> "State":
        """A copy of some slots, in this order; a slot may be taken more than once."""
        index = self._index(slots)
        return State(self.version, self.shift[:, :, index], self.wkv[:, index])

    def put(self, slots: Sequence[int], other: "State") -> None:
        """Overwrites slots with those of another state of the same network, from any device."""
        assert len(slots) == other.num_slots and self.version == other.version
        index = self._index(slots)
        self.shift[:, :, index] = other.shift.to(self.shift)
        self.wkv[:, index] = other.wkv.to(self.wkv)

    def room(self, num_slots: int) -> "State":
        """Slots of the same kind, not filled yet; on a CPU one takes memory when it is put."""
        shift, wkv = list(self.shift.shape), list(self.wkv.shape)
        shift[2] = wkv[1] = num_slots
        return State(self.version, self.shift.new_empty(shift), self.wkv.new_empty(wkv))

    def clone(self) -> "State":
        return self.take(range(self.num_slots))

    def to(self, device: torch.device | str) -> "State":
        return State(self.version, self.shift.to(device), self.wkv.to(device))

    def save(self, path: str | Path, model: Model) -> None:
        """Writes the state as safetensors, tagged with version, layout and the model's fingerprint.

        Raises:
            StateError: the file cannot be written.
        """
        write_tagged(path, {"shift": self.shift, "wkv": self.wkv}, _tags(self.version, model))

    @staticmethod
    def load(path: str | Path, model: Model) -> "State":
        """Reads a state that ``save`` wrote, onto the model's device.

        Raises:
            StateError: no such file, a damaged one, or that of another model; names both.
        """
        blank = model.blank
        found = read_tagged(path, ("shift", "wkv"), _tags(blank.version, model))
        state = State(blank.version, found["shift"], found["wkv"])
        if not _fits(state, blank):
            shapes = f"shift {tuple(state.shift.shape)}, wkv {tuple(state.wkv.shape)}"
            raise damaged(path, f"{shapes} are not of this model")
        return state.to(blank.shift.device)

    def _index(self, slots: Sequence[int]) -> Tensor:
        # from pinned memory, or a GPU would have to end its work first
        index = torch.tensor(list(slots), dtype=torch.long, pin_memory=self.shift.is_cuda)
        return index.to(self.shift.device, non_blocking=True)


def _tags(version: Version, model: Model) -> dict[str, str]:
    layout = {"format": FORMAT, "version": str(version), "layout": LAYOUTS[version]}
    return layout | {"model": model.fingerprint}


def _fits(state: State, blank: State) -> bool:
    if state.shift.ndim != blank.shift.ndim or state.shift.shape[2] == 0:
        return False
    slots = [0] * state.num_slots
    wanted = blank.shift[:, :, slots].shape, blank.wkv[:, slots].shape
    return (state.shift.shape, state.wkv.shape) == wanted
