"""Text on its way to tokens: UTF-8 bytes, each with its place in the original document."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, of_bytes


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of a document, repaired and perhaps rewritten.

    data: UTF-8.
    ends: [len(data)] int64, the offset in the document's own bytes just behind what the byte stands
        for; never falls.
    """

    data: bytes
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, part: slice) -> "Text":
        return Text(self.data[part], self.ends[part])

    def __add__(self, other: "Text") -> "Text":
        if not len(self):
            return other
        if not len(other):
            return self
        return Text(self.data + other.data, np.concatenate((self.ends, other.ends)))

    def rewritten(self, data: bytes) -> "Text":
        """``data`` in place of this text: its n-th byte ends where the n-th byte here does.

        Whatever is longer or shorter, the last byte ends where this text does.
        """
        ends = self.ends[np.minimum(np.arange(len(data)), len(self) - 1)]
        ends[-1:] = self.ends[-1]
        return Text(data, ends)

    def save(self) -> Arrays:
        return {"data": of_bytes(self.data), "ends": self.ends}

    @staticmethod
    def restore(saved: Arrays) -> "Text":
        return Text(saved["data"].tobytes(), saved["ends"])


NO_TEXT = Text(b"", np.empty(0, np.int64))
