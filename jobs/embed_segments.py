"""The segments of one document on their way to vectors."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from longriver.engine.embedding.form import Form, Vector
from longriver.engine.embedding.pool import Pool
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.state import State
from longriver.engine.tokenizer.base import NO_TOKENS, Tokens, joined
from longriver.jobs.boundaries import Finder, Paragraphs, Sentences
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.heard_text import HeardText
from longriver.jobs.segmenter import Segment, Segmenter
from longriver.jobs.span_segmenter import SpanSegmenter
from longriver.pipeline.document import Spans

FINDERS: Mapping[str, Callable[[], Finder | None]] = {
    "tokens": lambda: None,
    "paragraph": Paragraphs,
    "sentence": Sentences,
    "spans": lambda: None,
}

Done = tuple[Segment, Vector]


class OpenSegments:
    """The open segment, with what is known of what follows it.

    Tokens whose text is not wholly known yet wait, for a segment may have ended before them; one
    character decides that, so they are few. Where vectors are made of states, the engine asks
    first (``next_cut``), and has chunks end with segments.

    Args:
        saved: what another one had come to.
    """

    def __init__(
        self, config: EmbedConfig, form: Form, width: int, spans: Spans, saved: Arrays | None = None
    ) -> None:
        self.config, self.form, self.width = config, form, width
        self.segmenter = (
            SpanSegmenter(spans, config.segment_text)
            if config.segments == "spans"
            else Segmenter(config.segment_tokens, config.segment_text)
        )
        self.pool = Pool(config.pooling, config.layer)
        self.waiting, self.waiting_hidden = NO_TOKENS, torch.empty(0, 0)
        if saved is not None:
            self._restore(saved)
        self.text = HeardText(FINDERS[config.segments](), self.segmenter.byte_end)

    @property
    def cuts_reading(self) -> bool:
        return self.config.pooling == "state"

    def next_cut(self, unread: Tokens, is_end: bool) -> tuple[int, bool]:
        """As the engine asks: whether a segment ends before a token, that token must tell."""
        count, is_cut = self.segmenter.next_cut(unread, is_end, self.text)
        return (count, is_cut) if is_cut or is_end else (max(count - 1, 0), False)

    def update(self, chunk: ScoredChunk) -> Iterator[Done]:
        """Takes the next chunk; yields the segments that are now complete."""
        if self.cuts_reading:
            self._add(chunk.read, None)
            if chunk.state is not None:
                yield from self._close(chunk.state, chunk.is_last)
        else:
            assert chunk.hidden is not None
            yield from self._split(chunk.read, chunk.hidden, chunk.is_last)

    def save(self) -> Arrays:
        return {
            **inside("segmenter", self.segmenter.save()),
            **inside("pool", self.pool.save()),
            "waiting.ids": self.waiting.ids,
            "waiting.ends": self.waiting.ends,
            "waiting.hidden": self.waiting_hidden.cpu().numpy(),
        }

    def _restore(self, saved: Arrays) -> None:
        self.segmenter.restore(taken_from(saved, "segmenter"))
        self.pool.restore(taken_from(saved, "pool"))
        self.waiting = Tokens(saved["waiting.ids"], saved["waiting.ends"])
        self.waiting_hidden = torch.from_numpy(saved["waiting.hidden"])

    def _split(self, tokens: Tokens, hidden: Tensor, is_last: bool) -> Iterator[Done]:
        if len(self.waiting):
            tokens = joined([self.waiting, tokens])
            hidden = torch.cat([self.waiting_hidden.to(hidden.device), hidden])
        while len(tokens):
            count, is_cut = self.segmenter.next_cut(tokens, is_last, self.text)
            self._add(tokens[:count], hidden[:count])
            tokens, hidden = tokens[count:], hidden[count:]
            if not is_cut:
                break
            yield from self._close(None, False)
        # copies, so that no chunk is kept alive
        self.waiting = Tokens(tokens.ids.copy(), tokens.ends.copy())
        self.waiting_hidden = hidden.clone()
        if is_last:
            yield from self._close(None, True)

    def _add(self, tokens: Tokens, hidden: Tensor | None) -> None:
        self.segmenter.add(tokens, self.text)
        self.pool.add(len(tokens), hidden)

    def _close(self, state: State | None, is_last: bool) -> Iterator[Done]:
        pool, self.pool = self.pool, Pool(self.config.pooling, self.config.layer)
        nothing = self.form.nothing(self.width)
        vector = self.form.of(pool.vector(state)) if pool.num_tokens else nothing
        for segment in self.segmenter.finish() if is_last else self.segmenter.close():
            yield segment, vector if segment.num_tokens else nothing
