"""Status and verify, asked of a folder alone."""

import io
from pathlib import Path

import pytest

from longriver.engine.errors import OrderError
from longriver.jobs.config import FolderConfig, FolderPath
from longriver.jobs.folder import status, verify
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_file import write_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Piece, Shard
from tests.pipeline.runs import commit_shard, new_folder, score_row


def asked(folder: RunFolder) -> FolderConfig:
    return FolderConfig(output=FolderPath(path=folder.url))


@pytest.fixture
def begun(tmp_path: Path) -> RunFolder:
    """A run of two shards with two rows each, of which nothing is done yet."""
    folder = new_folder(str(tmp_path / "run"))
    sources = ("a.parquet", "b.parquet")
    pieces = [Piece(name, name, "parquet", 0, 1, 0, 2, 1000) for name in sources]
    shards = tuple(Shard(index, (piece,)) for index, piece in enumerate(pieces))
    content = io.BytesIO()
    write_plan(Plan(shards, 1000, "c" * 64), content)
    folder.fs.pipe_file(folder.plan_path, content.getvalue())
    return folder


def test_a_run_half_done_is_no_failure_of_status_but_one_of_verify(
    begun: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_shard(begun, "000000", [score_row(0), score_row(1)])
    assert status(asked(begun)) == 0
    assert "1 of 2" in capsys.readouterr().out
    assert verify(asked(begun)) == 1
    assert "shard 000001: not committed" in capsys.readouterr().out


def test_a_run_with_every_shard_is_whole(
    begun: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_shard(begun, "000000", [score_row(0), score_row(1)])
    commit_shard(begun, "000001", [score_row(n, "b.parquet") for n in range(2)])
    assert verify(asked(begun)) == 0
    assert "every document is there exactly once" in capsys.readouterr().out


@pytest.mark.parametrize("question", [status, verify])
def test_a_folder_without_a_run_is_a_bad_order(question: object, tmp_path: Path) -> None:
    assert callable(question)
    with pytest.raises(OrderError, match="name the folder of a run"):
        question(FolderConfig(output=FolderPath(path=str(tmp_path / "nowhere"))))


def test_a_run_that_was_killed_before_its_plan_says_so(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match="no plan yet"):
        status(asked(new_folder(str(tmp_path / "run"))))
