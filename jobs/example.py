"""A row of the data as an example: what is read, what might follow, and what should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longriver.engine.errors import DocumentError
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.template import Template
from longriver.pipeline.document import Field
from longriver.pipeline.figures import counted
from longriver.pipeline.formats.unicode import to_bytes


@dataclass(frozen=True, slots=True)
class Example:
    """What an example asks.

    context: is read first. White space at its end is left out, and stands before each of
             ``texts`` instead: as lm-evaluation-harness has it, where words begin with a space.
    texts:   what might follow, with all that stands before it.
    choices: the same, white space in front left out: their lengths are what scores are divided by.
    gold:    which of them should.
    """

    context: bytes
    texts: tuple[bytes, ...]
    choices: tuple[str, ...]
    gold: int


def example_of(config: EvaluateConfig, fields: Mapping[str, Field]) -> Example:
    """Raises DocumentError where a row is no example of the task."""
    if config.task == "lambada":
        [text] = fields.values()
        assert isinstance(text, str)
        return _last_word(text)
    context = _filled(config.context or "", fields)
    if config.task == "likelihood":
        continuation = _filled(config.continuation or "", fields)
        return _example(context, config.delimiter, (continuation,), 0)
    choices = _choices(config, fields)
    return _example(context, config.delimiter, choices, _gold(config, fields, len(choices)))


def _last_word(text: str) -> Example:
    """Split at the last space, which goes to the word."""
    context, _, word = text.rpartition(" ")
    if not word.strip():
        raise DocumentError("no_target", "no word stands behind the last space of its text")
    return _example(context, " ", (word,), 0)


def _example(context: str, delimiter: str, choices: tuple[str, ...], gold: int) -> Example:
    stripped = context.rstrip()
    before = context[len(stripped) :] + delimiter
    bare = tuple(choice.lstrip() for choice in choices)
    if "" in bare:
        what = f"choice {bare.index('')}" if len(bare) > 1 else "what should follow"
        raise DocumentError("empty_choice", f"{what} is empty")
    texts = tuple(to_bytes(before + choice) for choice in choices)
    return Example(to_bytes(stripped), texts, bare, gold)


def _choices(config: EvaluateConfig, fields: Mapping[str, Field]) -> tuple[str, ...]:
    if isinstance(config.choices, str):
        found = tuple(fields[config.choices])
    else:
        found = tuple(_filled(text, fields) for text in config.choices or ())
    if len(found) < 2:
        raise DocumentError("too_few_choices", f"{config.choices} has {len(found)}, no choice")
    return found


def _gold(config: EvaluateConfig, fields: Mapping[str, Field], num_choices: int) -> int:
    answer = str(fields[config.answer or ""])
    labels = _labels(config, fields, num_choices)
    if labels.count(answer) == 1:
        return labels.index(answer)
    shown = ", ".join(labels[:8]) + (", …" if labels[8:] else "")
    what = "more than one" if answer in labels else "not one"
    detail = f"{config.answer} is {answer[:40]!r}, which is {what} of the labels {shown}"
    raise DocumentError("bad_answer", detail)


def _labels(config: EvaluateConfig, fields: Mapping[str, Field], num_choices: int) -> Sequence[str]:
    if config.labels is None:
        return [str(number) for number in range(num_choices)]
    labels = fields[config.labels] if isinstance(config.labels, str) else config.labels
    if len(labels) != num_choices:
        detail = f"{counted(len(labels), 'label')} for {num_choices} choices"
        raise DocumentError("bad_labels", detail)
    return tuple(labels)


def _filled(text: str, fields: Mapping[str, Field]) -> str:
    cells = {name: cell for name, cell in fields.items() if isinstance(cell, str)}
    return Template.of(text).fill(cells)
