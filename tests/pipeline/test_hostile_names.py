"""Names that mean something to a shell, a store or a terminal, and things that are no files."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from longriver.engine.errors import PlanMismatch, SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import list_files
from longriver.pipeline.one_line import printable_line
from longriver.pipeline.scan import plan_sources, refuse_strangers
from tests.pipeline.reading import read_path

ODD = [
    "a\nb.txt",
    "a::b.txt",
    "zip::x.txt",
    "http:x.txt",
    "[*]?{a,b}.txt",
    "~.txt",
    "$HOME.txt",
    "%2e%2e%2fetc.txt",
    "a#b?c.txt",
    "\x1b[31mred.txt",
    " .txt",
    "ü水.txt",
    "x" * 251 + ".txt",
    "run.json.txt",
]


@pytest.mark.parametrize("name", ODD)
def test_a_local_name_is_a_name_whatever_it_looks_like(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("text")
    texts, dead = read_path(tmp_path)
    assert [(text.document_id, text.text) for text in texts] == [(name, b"text")] and dead == []


def test_a_name_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("a")
    with pytest.raises(SourceError, match=r"the file name '.*\\udcff\.txt' is not UTF-8"):
        plan_sources(DataConfig(path=str(tmp_path)))


def test_messages_neither_break_nor_steer() -> None:
    assert printable_line("a\nb\x1b[31m\x07") == "a b\ufffd[31m\ufffd"
    assert printable_line("é水") == "é水"


def test_pipes_and_sockets_in_a_folder_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("a")
    os.mkfifo(tmp_path / "b.txt")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("c.txt")
        for path in (tmp_path, tmp_path / "*.txt"):
            assert [text.document_id for text in read_path(path)[0]] == ["a.txt"]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_input(path: str) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        list_files(path)


def test_a_folder_with_a_files_name_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").mkdir()
    (tmp_path / "x.parquet" / "a.txt").write_text("a")
    assert [text.document_id for text in read_path(tmp_path)[0]] == ["x.parquet/a.txt"]


@pytest.mark.parametrize("target", ["../outside.txt", "/etc/passwd", "a.txt", "b.txt", "nowhere"])
def test_links_that_leave_the_folder_or_lead_nowhere_are_refused(
    tmp_path: Path, target: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "a.txt").symlink_to(target)  # to itself, too
    (folder / "b.txt").symlink_to("a.txt")
    for path in (folder, folder / "*.txt"):
        with pytest.raises(SourceError, match="which is no file inside"):
            list_files(str(path))


def test_a_stored_plan_cannot_have_other_files_read(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("secret")
    data = DataConfig(path=str(folder))
    plan, files = plan_sources(data), list_files(data.path)
    refuse_strangers(plan, files)
    (shard,) = plan.shards
    for source in (tmp_path / "secret.txt", folder / ".." / "secret.txt", "/etc/passwd"):
        piece = replace(shard.pieces[0], source=str(source))
        tampered = replace(plan, shards=(replace(shard, pieces=(piece,)),))
        with pytest.raises(
            PlanMismatch, match=r"secret|passwd.* not among the files of data\.path"
        ):
            refuse_strangers(tampered, files)
    piece = replace(shard.pieces[0], format="pickle")
    tampered = replace(plan, shards=(replace(shard, pieces=(piece,)),))
    with pytest.raises(PlanMismatch, match="is pickle"):
        refuse_strangers(tampered, files)
