"""Run folders that are of another order, or cannot be used: one line with both values."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.checkpoints import random_rwkv7
from tests.jobs.bad_orders.conftest import TINY, Refusal


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save(random_rwkv7(**TINY), path)
    return path


@pytest.fixture(params=[True, False], ids=["finished", "stopped"])
def begin(
    request: pytest.FixtureRequest,
    score: Callable[..., int],
    books: Path,
    run_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., None]:
    """Scores the books, and forgets what was said of it."""

    def begin(*words: str) -> None:
        assert score(books, *words) == 0
        if not request.param:
            (run_folder / "_SUCCESS").unlink()
        capsys.readouterr()

    return begin


def test_the_folder_of_an_order_with_another_value(
    refusal: Refusal, begin: Callable[..., None], books: Path
) -> None:
    begin("job.segment_tokens=8")
    line = refusal(books, "job.segment_tokens=16")
    assert "started with job.segment_tokens=8, this order says 16" in line
    assert "use another output.path" in line


def test_the_folder_of_an_order_with_another_model(
    refusal: Refusal, begin: Callable[..., None], books: Path, checkpoint: Path
) -> None:
    begin()
    line = refusal(books, f"model.path={checkpoint}")
    assert line.count("sha256:") == 2 and "started with model=" in line


def test_the_folder_of_an_order_with_another_input(
    refusal: Refusal, begin: Callable[..., None], books: Path
) -> None:
    begin()
    (books / "a.txt").write_text("It was the age of wisdom, so to say.")
    line = refusal(books)
    assert line.count("sha256:") == 2 and "started with inputs=" in line


def test_a_folder_with_other_things_in_it(refusal: Refusal, books: Path, run_folder: Path) -> None:
    run_folder.mkdir()
    (run_folder / "thesis.doc").write_text("years of work")
    line = refusal(books)
    assert f"output.path={run_folder}" in line and "thesis.doc" in line and "new or empty" in line


def test_an_output_path_that_is_a_file(refusal: Refusal, books: Path, run_folder: Path) -> None:
    run_folder.write_text("a file")
    line = refusal(books)
    assert f"output.path={run_folder}" in line and "it is a file" in line


def test_an_output_path_below_a_file(refusal: Refusal, books: Path) -> None:
    line = refusal(books, f"output.path={books}/a.txt/run")
    assert f"output.path={books}/a.txt/run" in line and "give a folder" in line
