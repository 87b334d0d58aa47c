"""Questions with choices, and the words that make examples of them."""

import json
from pathlib import Path

from longriver.jobs.config import RunConfig
from tests.orders import order_of

QUESTIONS: list[dict[str, object]] = [
    {"goal": "To boil water,", "sol1": "heat it", "sol2": "cool it down", "label": 0, "of": "a"},
    {"goal": "A jar is opened ", "sol1": "by its lid", "sol2": "by post", "label": 0, "of": "b"},
    {"goal": "", "sol1": "It rains", "sol2": "Rain it", "label": 0, "of": "b"},
    {"goal": "日本の首都は", "sol1": "京都", "sol2": "東京", "label": 1, "of": "[/x]"},
]

CHOICE = {
    "kind": "evaluate",
    "task": "multiple_choice",
    "context": "Question: {goal}\\nAnswer:",
    "choices": [" {sol1}", " {sol2}"],
    "answer": "label",
}

WORDS = (
    "job.task=multiple_choice",
    "job.context=Question: {goal}\\nAnswer:",
    'job.choices=[" {sol1}"," {sol2}"]',
    "job.answer=label",
)


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def order(
    rows: Path, run_path: Path, job: dict[str, object], /, **parts: dict[str, object]
) -> RunConfig:
    """An order of a job that makes examples of rows."""
    made = order_of(rows, run_path, **parts)
    return RunConfig.model_validate({**made.model_dump(), "job": job})
