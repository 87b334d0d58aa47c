"""What a path matches, and what is refused by name."""

import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from longriver.engine.errors import SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import list_files
from longriver.pipeline.opening import open_decompressed
from longriver.pipeline.scan import plan_sources


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def names_in(path: object) -> list[str]:
    return [file.name for file in list_files(str(path))]


def test_a_folder_is_read_through_sorted_and_without_hidden_names(tmp_path: Path) -> None:
    put(tmp_path, "b.txt", "a/z.txt", "a.txt", ".x.txt", "_SUCCESS", "_log/a.txt", ".git/b.txt")
    assert names_in(tmp_path) == ["a.txt", "a/z.txt", "b.txt"]


def test_run_folders_below_the_folder_are_no_input(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "run.json", "plan.parquet", "runs/x/run.json", "runs/x/plan.parquet")
    put(tmp_path, "runs/x/score/1.parquet", "runs/xy.txt", "mine/run.json")
    put(tmp_path, "runs/sweep.html")
    assert names_in(tmp_path) == [
        "a.txt",
        "mine/run.json",
        "plan.parquet",
        "run.json",
        "runs/xy.txt",
    ]
    assert names_in(tmp_path / "runs" / "x" / "score") == ["1.parquet"]


def test_a_file_a_glob_and_a_url_are_found(tmp_path: Path) -> None:
    put(tmp_path, "x/a.txt", "x/b.csv", "y/c.txt", "[1].txt")
    assert names_in(tmp_path / "x" / "a.txt") == ["a.txt"]
    assert names_in(tmp_path / "*" / "*.txt") == ["x/a.txt", "y/c.txt"]
    assert names_in(tmp_path / "**" / "*.csv") == ["x/b.csv"]
    assert names_in(tmp_path / "[1].txt") == ["[1].txt"]
    assert names_in(f"file://{tmp_path}/x") == ["a.txt", "b.csv"]
    (file,) = list_files(str(tmp_path / "x" / "a.txt"))
    assert (file.source, file.num_bytes) == (str(tmp_path / "x" / "a.txt"), 7)


def test_other_stores_are_listed_alike() -> None:
    for name in ("b.txt", "a/z.txt", "_hidden/x.txt"):
        with fsspec.open(f"memory://listing/{name}", "wb") as opened:
            opened.write(b"x")
    files = list_files("memory://listing")
    assert [file.name for file in files] == ["a/z.txt", "b.txt"]
    assert files[0].source == "memory:///listing/a/z.txt"
    assert open_decompressed(files[0].source).read(10) == b"x"


@pytest.mark.parametrize(
    "path,complaint",
    [
        ("nowhere", r"data\.path=.*nowhere does not exist"),
        ("*.parquet", r"matches no file"),
        ("empty", r"matches no file"),
    ],
)
def test_nothing_there_is_a_bad_order(tmp_path: Path, path: str, complaint: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=complaint):
        list_files(str(tmp_path / path))


@pytest.mark.parametrize(
    "path,complaint",
    [
        ("gs://bucket/x", r"needs a package: pip install gcsfs"),
        ("nope://x", r"nope.*protocols include"),
        ("zip://a.txt::/b.zip", r"chains URLs"),
    ],
)
def test_a_store_that_is_not_there_names_the_way_out(path: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        list_files(path)


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    put(tmp_path, "in/a.txt", "out.txt")
    os.symlink(tmp_path / "in" / "a.txt", tmp_path / "in" / "b.txt")
    assert names_in(tmp_path / "in") == ["a.txt", "b.txt"]
    os.symlink(tmp_path / "out.txt", tmp_path / "in" / "c.txt")
    for path in (tmp_path / "in", tmp_path / "in" / "*.txt"):
        with pytest.raises(SourceError, match=r"the link .*c\.txt leads to .*out\.txt"):
            list_files(str(path))
    assert names_in(tmp_path / "in" / "c.txt") == ["c.txt"]


@pytest.mark.parametrize("target", ["gone.txt", "folder", ".."])
def test_links_to_nothing_or_to_folders_are_refused(tmp_path: Path, target: str) -> None:
    put(tmp_path, "folder/a.txt")
    os.symlink(tmp_path / target, tmp_path / "link.txt")
    with pytest.raises(SourceError, match=r"the link .*link\.txt"):
        list_files(str(tmp_path))


class DeniedFileSystem(MemoryFileSystem):
    """A store whose files can be listed and not opened."""

    protocol = "denied"
    store: dict[str, Any] = {}  # noqa: RUF012  # the base class keeps its files so
    pseudo_dirs = [""]  # noqa: RUF012  # likewise

    def _open(self, path: str, mode: str = "rb", **_: object) -> Any:
        if mode == "rb":
            raise PermissionError(13, "denied")
        return super()._open(path, mode)

    def cat_file(self, path: str, start: int = 0, end: int = 0, **_: object) -> bytes:
        raise PermissionError(13, "denied")


def test_a_file_that_may_not_be_read_is_a_bad_order() -> None:
    fsspec.register_implementation("denied", DeniedFileSystem, clobber=True)
    with fsspec.open("denied://x/a.txt", "wb") as opened:
        opened.write(b"x")
    for name in ("a.txt", "a.parquet", "a.csv", "a.jsonl", "a.arrow"):
        with fsspec.open(f"denied://{name}/{name}", "wb") as opened:
            opened.write(b"x")
        with pytest.raises(SourceError, match=rf"data\.path: .*{name} cannot be read: .*denied"):
            plan_sources(DataConfig(path=f"denied://{name}"))
