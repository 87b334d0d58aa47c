"""What a run reads, and where it goes."""

from pathlib import Path

import pytest

from tests.jobs.examples import QUESTIONS, written


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return written(tmp_path / "questions.jsonl", QUESTIONS)
