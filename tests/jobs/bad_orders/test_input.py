"""Input that cannot be read: one line that helps, code 2, and nothing written."""

import os
import socket
from pathlib import Path

import pytest

from tests.jobs.bad_orders.conftest import Refusal, table


def test_a_missing_path(refusal: Refusal, tmp_path: Path) -> None:
    assert f"data.path={tmp_path}/no does not exist; name a file" in refusal(tmp_path / "no")


def test_an_empty_folder(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "/empty matches no file" in refusal(tmp_path / "empty")


def test_a_folder_with_nothing_but_hidden_files(refusal: Refusal, books: Path) -> None:
    for file in list(books.iterdir()):
        file.rename(file.with_name(f".{file.name}"))
    assert "hidden names (. and _) do not count" in refusal(books)


def test_a_glob_without_matches(refusal: Refusal, books: Path) -> None:
    assert "/books/*.parquet matches no file" in refusal(books / "*.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads a file of mode 0 all the same")
def test_a_file_that_may_not_be_read(refusal: Refusal, books: Path) -> None:
    (books / "b.txt").chmod(0)
    line = refusal(books)
    assert "data.path" in line and "b.txt" in line and "Permission denied" in line


@pytest.mark.skipif(
    not os.path.exists("/proc/self/mem"),
    reason="no file here opens and cannot be read",
)
def test_a_file_that_cannot_be_read(refusal: Refusal) -> None:
    line = refusal("/proc/self/mem", "data.format=text")
    assert "data.path: /proc/self/mem cannot be read: [Errno" in line


def test_a_path_that_is_too_long(refusal: Refusal) -> None:
    assert "data.path=" in refusal("long" * 100)


def test_a_file_that_is_a_socket(refusal: Refusal, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
        assert "data.path" in refusal(path)


def test_a_link_to_nowhere(refusal: Refusal, books: Path) -> None:
    (books / "c.txt").symlink_to(books / "gone.txt")
    line = refusal(books)
    assert "data.path" in line and "c.txt" in line and "gone.txt" in line


def test_a_store_that_does_not_exist(refusal: Refusal) -> None:
    assert "data.path=ftpx://host/a" in refusal("ftpx://host/a")


def test_a_wrong_column(refusal: Refusal, tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", body=["x"], name=["y"])
    line = refusal(path)
    assert "data.text_column=text" in line and "body, name" in line and "a.parquet" in line
    assert "did you mean data.text_column=body?" in refusal(path, "data.text_column=bodi")


def test_a_column_that_holds_no_text(refusal: Refusal, tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", text=[1, 2])
    line = refusal(path)
    assert "data.text_column=text" in line and "a.parquet" in line


def test_a_group_column_of_text_files(refusal: Refusal, books: Path) -> None:
    line = refusal(books, "data.group_columns=[lang]")
    assert "data.group_columns[0]=lang" in line and "text files have no columns" in line


def test_files_of_no_known_format(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK")
    line = refusal(tmp_path / "a.docx")
    assert "a.docx" in line and "data.format" in line


def test_an_input_of_which_nothing_can_be_read(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"not parquet at all")
    assert "a.parquet: corrupt_file" in refusal(tmp_path / "a.parquet")
