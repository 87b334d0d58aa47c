"""What a report shows of an example: the end of its context, and what should follow."""

from collections.abc import Iterator

from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.example import example_of
from longriver.pipeline.document import Document
from longriver.pipeline.formats.unicode import to_bytes
from longriver.pipeline.parts import slices

CONTEXT_BYTES, ANSWER_BYTES = 500, 1000


def asked(config: EvaluateConfig, document: Document) -> Iterator[memoryview]:
    """At most ``CONTEXT_BYTES`` up to the right answer, at most ``ANSWER_BYTES`` of it.

    Raises:
        DocumentError: the row is no example.
    """
    example = example_of(config, document.fields)
    answer = to_bytes(example.choices[example.gold])
    before = example.context + example.texts[example.gold].removesuffix(answer)
    yield from slices(before[-CONTEXT_BYTES:] + answer[:ANSWER_BYTES])
