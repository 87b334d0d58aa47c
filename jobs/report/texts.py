"""The text of the few documents that a report shows."""

import codecs
from dataclasses import dataclass

from longriver.pipeline.excerpt import Excerpts, NoText, Passage


@dataclass(frozen=True, slots=True)
class Texts:
    """Where texts come from; ``excerpts`` is None where none are to be shown."""

    excerpts: Excerpts | None

    def data(self, source: object, source_row: object, start: int, num_bytes: int) -> bytes:
        """A passage as it lies in the input.

        Raises:
            NoText: it cannot be shown.
        """
        if self.excerpts is None:
            raise NoText("texts were left out of this report")
        assert isinstance(source_row, int)
        return self.excerpts.read(Passage(str(source), source_row, start, num_bytes))

    def text(self, source: object, source_row: object, start: int, num_bytes: int) -> str:
        """The passage without the halves of characters at its ends; raises NoText."""
        return decoded(self.data(source, source_row, start, num_bytes), is_inner=start > 0)


def decoded(data: bytes, *, is_inner: bool) -> str:
    """Text, with U+FFFD for what is no UTF-8."""
    head = data[:3]
    skip = len(head) - len(head.lstrip(bytes(range(0x80, 0xC0)))) if is_inner else 0
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data[skip:])
