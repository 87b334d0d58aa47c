"""What a report says of examples: the end of each context, and the answer that should follow."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.jobs.report.asked import ANSWER_BYTES, CONTEXT_BYTES
from tests.jobs.examples import QUESTIONS, WORDS, written
from tests.jobs.report.test_markup import seen
from tests.jobs.visitor import give

LONG = "a" + "b" * 3000 + "c"


def report_of(tmp_path: Path, rows: list[dict[str, object]], words: Sequence[str] = ()) -> str:
    assert give("evaluate", written(tmp_path / "rows.jsonl", rows), tmp_path / "run", *words) == 0
    return (tmp_path / "run" / "report.html").read_text()


def test_the_right_choice_stands_behind_its_context(tmp_path: Path) -> None:
    report = report_of(tmp_path, QUESTIONS, WORDS)
    assert "Question: To boil water,\nAnswer: <strong>heat it</strong>" in report
    assert "Question: 日本の首都は\nAnswer: <strong>東京</strong>" in report
    assert "No text" not in report and "cool it down" not in report
    assert "accuracy, by length" in report and "gold perplexity" not in report


def test_of_a_last_word_the_perplexity_is_told(tmp_path: Path) -> None:
    report = report_of(tmp_path, [{"text": "She <b>said</b> yes"}])
    assert "She &lt;b&gt;said&lt;/b&gt; <strong>yes</strong>" in report
    assert "gold perplexity" in report and "by length" not in report


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{LONG} word", f"{'b' * (CONTEXT_BYTES - 2)}c <strong>word</strong>"),
        (f"the {LONG}", f"the <strong>a{'b' * (ANSWER_BYTES - 1)}</strong>"),
        ("水" * 300 + " end", f"{'水' * ((CONTEXT_BYTES - 1) // 3)} <strong>end</strong>"),
    ],
)
def test_long_texts_are_shown_around_the_border(tmp_path: Path, text: str, shown: str) -> None:
    assert f">{shown}<" in report_of(tmp_path, [{"text": text}])


def test_input_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    report_of(tmp_path, QUESTIONS, WORDS)
    (tmp_path / "rows.jsonl").unlink()
    assert main(["report", f"output.path={tmp_path / 'run'}"]) == 0
    page = seen((tmp_path / "run" / "report.html").read_text())
    assert page.text.count("No text: the input cannot be read: ") == len(QUESTIONS)
