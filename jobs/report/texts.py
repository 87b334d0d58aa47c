"""The text of the few documents that a report shows."""

import codecs
from collections.abc import Iterable
from functools import partial

from longriver.jobs.config import RunConfig
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.report.asked import asked
from longriver.pipeline.excerpt import Excerpts, NoText, Passage
from longriver.pipeline.plan import Plan


class Texts:
    """Where texts come from.

    Args:
        excerpts: None where no texts are to be shown.
    """

    def __init__(self, excerpts: Excerpts | None) -> None:
        self._excerpts = excerpts
        self._found: dict[Passage, bytes | NoText] = {}

    def fetch(self, passages: Iterable[Passage]) -> None:
        """Reads what will be asked for, in one go."""
        if self._excerpts is not None:
            self._found |= self._excerpts.read(p for p in passages if p not in self._found)

    def data(self, passage: Passage) -> bytes:
        """A passage that has been fetched, as it lies in the input.

        Raises:
            NoText: it cannot be shown.
        """
        if self._excerpts is None:
            raise NoText("texts were left out of this report")
        found = self._found[passage]
        if isinstance(found, NoText):
            raise found
        return found

    def text(self, passage: Passage) -> str:
        """The passage without the halves of characters at its ends; raises NoText."""
        return decoded(self.data(passage), is_inner=passage.start > 0)


def excerpts_of(plan: Plan, order: RunConfig) -> Excerpts:
    """Ways to the texts that a run has read; those of examples are put together of columns."""
    if isinstance(order.job, EvaluateConfig):
        return Excerpts(plan, order.reading, text_of=partial(asked, order.job))
    return Excerpts(plan, order.data)


def decoded(data: bytes, *, is_inner: bool) -> str:
    """Text, with U+FFFD for what is no UTF-8."""
    head = data[:3]
    skip = len(head) - len(head.lstrip(bytes(range(0x80, 0xC0)))) if is_inner else 0
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data[skip:])
