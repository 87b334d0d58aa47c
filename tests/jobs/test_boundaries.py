"""Where paragraphs and sentences end, in the languages that people write."""

import itertools

import pytest

from longriver.jobs.boundaries import Finder, Paragraphs, Sentences
from longriver.jobs.heard_text import HeardText


def parts(text: str, finder: Finder) -> list[str]:
    """The text cut where each gap begins, without its white space."""
    data = text.encode()
    heard = HeardText(finder)
    heard.hear(data)
    edges = [0, *(end for end, _ in heard.gaps), len(data)]
    cut = [data[a:b].decode().strip() for a, b in itertools.pairwise(edges)]
    gaps = [data[end:begin].decode() for end, begin in heard.gaps]
    assert all(not gap or gap.isspace() for gap in gaps)
    return cut


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.\nStill one.\n\nTwo.", ["One.\nStill one.", "Two."]),
        ("One\n \t\nTwo\r\n\r\n\r\n  Three\n\n", ["One", "Two", "Three"]),
        ("\n\n\nOne", ["One"]),
        ("One", ["One"]),
        ("水は\n\n流れる", ["水は", "流れる"]),
    ],
)
def test_paragraphs_end_at_blank_lines(text: str, expected: list[str]) -> None:
    assert parts(text, Paragraphs()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said: "No." She left.', ['He said: "No."', "She left."]),
        ("“What?” he asked. So... (Yes.) Done.", ["“What?” he asked.", "So...", "(Yes.)", "Done."]),
        ("Mr. Darcy met J. R. Smith at 3.14 p.m. there. So did I. End.",
         ["Mr. Darcy met J. R. Smith at 3.14 p.m. there.", "So did I.", "End."]),
        ("A heading\n\nA sentence. Another", ["A heading", "A sentence.", "Another"]),
        ("水は流れる。「川は長い。」次", ["水は流れる。", "「川は長い。」", "次"]),
        ("क्या हाल है। ठीक हूँ।", ["क्या हाल है।", "ठीक हूँ।"]),
        ("Wait . . . what? Yes", ["Wait . . . what?", "Yes"]),
        ("no end at all", ["no end at all"]),
        ("...", ["..."]),
    ],
)  # fmt: skip
def test_sentences_end_behind_their_marks(text: str, expected: list[str]) -> None:
    assert parts(text, Sentences()) == expected
