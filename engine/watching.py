"""Logits for the sequences that want to see them."""

from collections.abc import Mapping

from torch import Tensor

from longriver.engine.network import Network, logits
from longriver.engine.sequence import Watcher
from longriver.engine.step import Part

LOGIT_ROWS = 64
"""Rows whose logits are there at the same time, about; of a vocabulary of 65,536 they are 16 MB."""


def show_logits(
    network: Network, normed_RD: Tensor, parts: Mapping[int, Part], row_quantum: int
) -> None:
    """Shows watchers what the head says behind each of their rows, some rows at a time.

    Args:
        normed_RD: what the head sees of a step.
        parts: of the step, by slot.
    """
    watched = [part for part in parts.values() if isinstance(part.sequence, Watcher)]
    rows = [row for part in watched for row in range(part.begin, part.end)]
    owners = [part.slot for part in watched for _ in part.chunk.inputs]
    size = -(-LOGIT_ROWS // row_quantum) * row_quantum
    for first in range(0, len(rows), size):
        some, slots = rows[first : first + size], owners[first : first + size]
        padded = some + some[:1] * (-len(some) % row_quantum)
        found_RV = logits(network, normed_RD[padded])
        for slot in dict.fromkeys(slots):
            begin, watcher = slots.index(slot), parts[slot].sequence
            assert isinstance(watcher, Watcher)
            watcher.on_logits(found_RV[begin : begin + slots.count(slot)])
