"""Cuts a document's tokens at the spans that its data name."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from longriver.engine.saved import Arrays, whole
from longriver.engine.tokenizer.base import Tokens
from longriver.jobs.heard_text import HeardText
from longriver.jobs.segmenter import Segment, Segmenter
from longriver.pipeline.document import Spans

Places = npt.NDArray[np.int64]


class SpanSegmenter(Segmenter):
    """One segment for each span, in their order; what lies between spans is read and in none.

    A token is of the span that it lies in or reaches into; one that lies across the end of a span
    is of that. So a span that is within one token may be left without, and has none then.

    Args:
        spans: within the document, none empty, one behind the other.
    """

    def __init__(self, spans: Spans, keep_text: bool) -> None:
        super().__init__(max_tokens=0, keep_text=keep_text)
        self.spans = spans
        self.span_index, self.is_inside = 0, False

    def next_cut(self, unread: Tokens, is_end: bool, text: HeardText) -> tuple[int, bool]:
        """See ``Segmenter``; the open stretch is a span, or what is before the next one."""
        ends = unread.ends
        starts = np.concatenate(([self.byte_end], ends[:-1]))
        if self.num_tokens == 0:
            self._settle(int(starts[0]), int(ends[0]))
        known = len(ends) if is_end else int(np.searchsorted(ends, text.known, "right"))
        at = self._end(starts, ends)
        while at < known and not text.is_cuttable(int(starts[at])):
            at += 1
        return (at, True) if at < known else (known, False)

    def close(self) -> list[Segment]:
        """The segments that are complete: of spans without a token, and of the open one."""
        found = self._passed(self.span_index)
        closed = self._closed()
        if self.is_inside:
            found += [self._numbered(closed)]
            self.span_index += 1
        return found

    def finish(self) -> list[Segment]:
        found = self.close() if self.num_tokens else []
        return [*found, *self._passed(len(self.spans))]

    def save(self) -> Arrays:
        return {**super().save(), "spans": whole(self.span_index, self.is_inside)}

    def restore(self, saved: Arrays) -> None:
        super().restore(saved)
        self.span_index, is_inside = saved["spans"].tolist()
        self.is_inside = bool(is_inside)

    def _settle(self, start: int, end: int) -> None:
        """Finds out whether the token that comes next is of a span."""
        while self.span_index < len(self.spans) and self.spans[self.span_index][1] <= start:
            self.span_index += 1
        left = self.spans[self.span_index :][:1]
        self.is_inside = bool(left) and left[0][0] < end

    def _end(self, starts: Places, ends: Places) -> int:
        """How many of the tokens are of the open stretch."""
        if self.span_index == len(self.spans):
            return len(ends)
        begin, end = self.spans[self.span_index]
        if self.is_inside:
            return int(np.searchsorted(starts, end))
        return int(np.searchsorted(ends, begin, "right"))

    def _passed(self, until: int) -> list[Segment]:
        """Segments of the spans before a number that got no token."""
        found = []
        while self.index < until:
            place = self.spans[self.index][0]
            empty = Segment(0, self.token_start, 0, place, 0, self.char_start, 0, "")
            found.append(self._numbered(empty))
        return found

    def _numbered(self, segment: Segment) -> Segment:
        numbered = replace(segment, index=self.index)
        self.index += 1
        return numbered
