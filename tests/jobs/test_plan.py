"""The plan command over real files."""

from pathlib import Path

import pytest

from longriver.engine.errors import SourceError, WeightsError
from longriver.jobs.config import RunConfig
from longriver.jobs.plan import plan
from longriver.pipeline.plan_display import Rate


def order(path: Path) -> RunConfig:
    parts = {"data": {"path": str(path)}, "output": {"path": str(path / "never")}}
    return RunConfig.model_validate(parts)


def test_a_plan_counts_the_files_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("some text\n" * 100)
    assert plan(order(tmp_path), lambda *_: Rate(tokens_per_s=1000, bytes_per_s=1000)) == 0
    page = capsys.readouterr().out
    assert "2.0 kB" in page and "Problems: none found" in page
    assert "Time:     about 2 s, at 1,000 tokens/s (1.0 kB/s) for 1 worker" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_a_missing_input_is_a_bad_order(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        plan(order(tmp_path / "nowhere"))


def test_a_plan_without_text_says_why_it_has_no_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.txt").touch()
    assert plan(order(tmp_path)) == 0
    assert "Time:     not measured: there is no text that can be read" in capsys.readouterr().out


def test_a_wrong_model_is_refused_before_anything_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("some text")
    model = {"model": {"path": str(tmp_path / "a.txt")}}
    with pytest.raises(WeightsError, match=r"a\.txt"):
        plan(order(tmp_path).model_validate(order(tmp_path).model_dump() | model))
    assert capsys.readouterr().out == ""
