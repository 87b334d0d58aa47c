"""Status, verify and gc, asked of a folder alone."""

import io
import json
from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_file import write_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Piece, Shard
from longriver.pipeline.sink import ShardSink
from tests.pipeline.runs import TABLES, commit_shard, new_folder, score_row


def ask(command: str, folder: RunFolder, *words: str) -> int:
    return main([command, f"output.path={folder.url}", *words])


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


@pytest.fixture
def whole(begun: RunFolder) -> RunFolder:
    commit_shard(begun, "000000", [score_row(0), score_row(1)])
    commit_shard(begun, "000001", [score_row(n, "b.parquet") for n in range(2)])
    return begun


def leave_orphan(folder: RunFolder) -> str:
    sink = ShardSink(folder, "000000", TABLES, {})
    sink.write("score", score_row(0))
    [entry] = sink.close()
    return entry.path


def test_a_run_half_done_is_no_failure_of_status_but_one_of_verify(
    begun: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_shard(begun, "000000", [score_row(0), score_row(1)])
    assert ask("status", begun) == 0
    assert "1 of 2" in capsys.readouterr().out
    assert ask("verify", begun) == 1
    assert "shard 000001: not committed" in capsys.readouterr().out


@pytest.mark.parametrize("words", [(), ("deep=true",), ("--deep",)])
def test_a_run_with_every_shard_is_whole(
    whole: RunFolder, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert ask("verify", whole, *words) == 0
    out = capsys.readouterr().out
    assert "every document is there exactly once" in out
    assert ("Every byte has been read again" in out) == bool(words)


def test_only_a_deep_look_notices_a_flipped_byte(
    whole: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    [entry, *_] = Ledger(whole).read("000000").files
    data = bytearray(whole.fs.cat_file(whole.path(entry.path)))
    data[8] ^= 1
    whole.fs.pipe_file(whole.path(entry.path), bytes(data))
    assert ask("verify", whole) == 0
    assert ask("verify", whole, "deep=true") == 1
    assert f"{entry.path}: sha256 is " in capsys.readouterr().out


def test_status_for_scripts_is_one_line_of_json(
    whole: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("status", whole, "json=true") == ask("status", whole, "--json") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and json.loads(first)["num_shards_done"] == 2


def test_gc_says_what_it_would_remove_and_then_removes_it(
    whole: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    orphan, before = leave_orphan(whole), list_sizes(whole).keys()
    for words in (["dry_run=true"], ["--dry-run"]):
        assert ask("gc", whole, *words) == 0
        assert "1 file, " in (out := capsys.readouterr().out) and "would be removed." in out
    assert list_sizes(whole).keys() == before
    assert ask("gc", whole) == 0
    assert capsys.readouterr().out.endswith(": removed.\n")
    assert list_sizes(whole).keys() == before - {orphan}
    assert ask("gc", whole) == 0
    assert capsys.readouterr().out.endswith("0 files, 0 bytes: removed.\n")
    assert ask("verify", whole, "deep=true") == 0


def test_gc_refuses_while_a_run_is_at_work(
    whole: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    orphan = leave_orphan(whole)
    with DriverLock(whole):
        assert ask("gc", whole) == ask("gc", whole, "dry_run=true") == 2
    error = capsys.readouterr().err
    assert error.count("is at work on this folder; wait for it, or stop it\n") == 2
    assert orphan in list_sizes(whole)


def test_gc_removes_nothing_where_a_receipt_is_damaged(
    whole: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files are committed, but nobody can say which they are."""
    leave_orphan(whole)
    whole.fs.pipe_file(Ledger(whole).path("000000"), b"{")
    before = list_sizes(whole)
    assert ask("gc", whole) == 1
    assert "ledger/000000.json is no whole receipt" in capsys.readouterr().err
    assert list_sizes(whole) == before


@pytest.mark.parametrize("command", ["status", "verify", "gc", "retry-dead"])
def test_a_folder_without_a_run_is_a_bad_order(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, f"output.path={tmp_path}/nowhere"]) == 2
    assert "name the folder of a run" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["status", "verify"])
def test_a_run_that_was_killed_before_its_plan_says_so(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(command, new_folder(str(tmp_path / "run"))) == 2
    assert "no plan yet" in capsys.readouterr().err
