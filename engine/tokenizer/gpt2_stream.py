"""A document's bytes on their way through a GPT-2-like ``tokenizer.json``: five rooms in a row."""

from dataclasses import dataclass

import numpy as np

from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.tokenizer.added import AddedTokens
from longriver.engine.tokenizer.base import Buffer, Tokens, joined
from longriver.engine.tokenizer.bpe import Bpe
from longriver.engine.tokenizer.gpt2 import Gpt2Words
from longriver.engine.tokenizer.normal_form import Form, NormalForm, Rewriter
from longriver.engine.tokenizer.text import NO_TEXT, Text
from longriver.engine.tokenizer.utf8 import Utf8Stream

BLOCK = 1 << 18
"""Bytes that go through the rooms at once; a longer chunk is taken block by block."""


@dataclass(frozen=True, slots=True)
class Gpt2Rules:
    """What a GPT-2-like ``tokenizer.json`` says.

    raw: added tokens that are looked for in the text as it came.
    form: the normal form that the text between them is put into by ``rewriter``.
    normalized: added tokens that are looked for afterwards.
    bpe: tokens and merges, for the words of what is then left.
    """

    raw: AddedTokens
    form: Form | None
    rewriter: Rewriter | None
    normalized: AddedTokens
    bpe: Bpe


class Gpt2Stream:
    """One document; in every room waits only what later bytes could still change."""

    def __init__(self, rules: Gpt2Rules) -> None:
        self._rules = rules
        self._utf8 = Utf8Stream()
        self._text = NO_TEXT
        self._section = Section(rules)

    def feed(self, chunk: Buffer) -> Tokens:
        """Takes the next bytes; raises DocumentError for text that cannot be held."""
        view = memoryview(chunk).cast("B")
        blocks = [view[start : start + BLOCK] for start in range(0, len(view), BLOCK)]
        return joined([self._read(self._utf8.feed(block), is_end=False) for block in blocks])

    def finish(self) -> Tokens:
        return self._read(self._utf8.finish(), is_end=True)

    def save(self) -> Arrays:
        return {
            **inside("utf8", self._utf8.save()),
            **inside("text", self._text.save()),
            **inside("section", self._section.save()),
        }

    def restore(self, saved: Arrays) -> None:
        self._utf8.restore(taken_from(saved, "utf8"))
        self._text = Text.restore(taken_from(saved, "text"))
        self._section.restore(taken_from(saved, "section"))

    def _read(self, text: Text, *, is_end: bool) -> Tokens:
        text = self._text + text
        marks = self._rules.raw.find(text.data, is_end=is_end)
        parts, at = [], 0
        for start, end, id_ in zip(marks.starts, marks.ends, marks.ids, strict=True):
            parts.append(self._section.feed(text[at:start], is_end=True))
            parts.append(Tokens(np.array([id_], np.int32), text.ends[end - 1 : end]))
            at = int(end)
        parts.append(self._section.feed(text[at : marks.used], is_end=is_end))
        self._text = text[marks.used :]
        return joined(parts)


class Section:
    """The text between two raw added tokens; as good as new after its end."""

    def __init__(self, rules: Gpt2Rules) -> None:
        self._added = rules.normalized
        self._form = (
            NormalForm(rules.form, rules.rewriter) if rules.form and rules.rewriter else None
        )
        self._text = NO_TEXT
        self._words = Gpt2Words(rules.bpe)

    def feed(self, text: Text, *, is_end: bool) -> Tokens:
        if self._form is not None:
            text = self._form.feed(text, is_end=is_end)
        text = self._text + text
        marks = self._added.find(text.data, is_end=is_end)
        self._text = text[marks.used :]
        return self._words.feed(text[: marks.used], marks, is_end=is_end)

    def save(self) -> Arrays:
        form = {} if self._form is None else self._form.save()
        return {
            **inside("form", form),
            **inside("text", self._text.save()),
            **inside("words", self._words.save()),
        }

    def restore(self, saved: Arrays) -> None:
        if self._form is not None:
            self._form.restore(taken_from(saved, "form"))
        self._text = Text.restore(taken_from(saved, "text"))
        self._words.restore(taken_from(saved, "words"))
