"""Texts, a run folder, and a visitor whose orders are refused, or carried out."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.jobs.cli import main

Refusal = Callable[..., str]

TINY = {"num_layers": 1, "num_heads": 1}
"""The smallest checkpoint."""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.txt").write_text("It was the best of times.")
    (folder / "b.txt").write_text("It was the worst of times.")
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def refusal(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Gives the order, and returns the one line that it gets."""

    def give(data: object, *words: str, command: str = "score") -> str:
        order = [f"data.path={data}", f"output.path={run_folder}", "engine.num_threads=1", *words]
        before = sorted(run_folder.parent.rglob("*"))
        assert main([command, *order]) == 2
        assert sorted(run_folder.parent.rglob("*")) == before
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and err.endswith("\n")
        assert err.startswith("longriver: error: ")
        return err

    return give


@pytest.fixture
def score(run_folder: Path) -> Callable[..., int]:
    """Gives an order that should be carried out."""

    def give(data: object, *words: str) -> int:
        order = [f"data.path={data}", f"output.path={run_folder}", "engine.num_threads=1"]
        return main(["score", *order, *words])

    return give


def table(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path
