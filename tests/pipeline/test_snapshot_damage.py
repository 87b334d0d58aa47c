"""Snapshots that are damaged, stale, forged or refused cost time, and nothing else."""

import json
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.storage import Storage
from tests.pipeline.lab import EVERY, Lab, engine_for, text_of

Damage = Callable[[Storage, str], None]


def truncate(fs: Storage, path: str) -> None:
    content = fs.cat_file(path)
    fs.pipe_file(path, content[: len(content) // 2])


def flip(fs: Storage, path: str) -> None:
    content = bytearray(fs.cat_file(path))
    content[len(content) // 2] ^= 1
    fs.pipe_file(path, bytes(content))


def remove(fs: Storage, path: str) -> None:
    fs.rm_file(path)


def empty(fs: Storage, path: str) -> None:
    fs.pipe_file(path, b"")


every_damage = pytest.mark.parametrize("damage", [truncate, flip, remove, empty])


@every_damage
@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_a_damaged_snapshot_is_passed_over_for_the_one_before(
    damage: Damage, ending: str, local: Lab
) -> None:
    whole = local.undisturbed(engine_for())
    local.die(engine_for(), 13)
    damage(local.folder.fs, local.files(ending)[-1])
    outcome, read = local.finish(engine_for())
    assert outcome == whole
    assert read == 8_000 - 5 * EVERY


@every_damage
def test_with_damaged_rows_the_newest_snapshot_that_does_without_them_is_taken(
    damage: Damage, local: Lab
) -> None:
    local.die(engine_for(), 13)
    files = local.files(".parquet")
    damage(local.folder.fs, files[-1])
    outcome, read = local.finish(engine_for())
    assert outcome == local.undisturbed(engine_for())
    assert read == 8_000 - 5 * EVERY


@every_damage
def test_where_no_snapshot_is_whole_the_document_is_read_from_its_beginning(
    damage: Damage, local: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    local.die(engine_for(), 13)
    damage(local.folder.fs, local.files(".parquet")[0])
    with caplog.at_level(logging.WARNING):
        outcome, read = local.finish(engine_for())
    assert outcome == local.undisturbed(engine_for())
    assert read == 8_000
    assert "is passed over" in caplog.text and len(caplog.records) == 1


def test_every_byte_of_a_last_file_is_guarded(local: Lab) -> None:
    local.die(engine_for(), 3)
    [path] = local.files(".json")
    content = local.folder.fs.cat_file(path)
    whole = local.undisturbed(engine_for())
    for place in range(0, len(content), 61):
        damaged = bytearray(content)
        damaged[place] ^= 1
        local.folder.fs.pipe_file(path, bytes(damaged))
        outcome, _ = local.finish(engine_for())
        assert outcome == whole


def test_a_text_that_changed_is_read_from_its_beginning(
    local: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    local.die(engine_for(), 13)
    path = Path(local.data.path) / "0.txt"
    content = path.read_bytes()
    path.write_bytes(b"X" + content[1:])
    with caplog.at_level(logging.WARNING):
        outcome = local.attempt(engine_for())
    assert outcome == local.undisturbed(engine_for())
    assert "0.txt: its first" in caplog.text and "have changed" in caplog.text


@pytest.mark.parametrize("size", [100, 8_001])
def test_a_text_that_has_another_length_is_read_from_its_beginning(size: int, local: Lab) -> None:
    local.die(engine_for(), 13)
    (Path(local.data.path) / "0.txt").write_bytes(text_of(8_001)[:size])
    assert local.attempt(engine_for()) == local.undisturbed(engine_for())


def test_a_snapshot_of_another_document_is_not_taken(local: Lab) -> None:
    local.die(engine_for(), 13)
    path = Path(local.data.path)
    (path / "0.txt").rename(path / "1.txt")
    outcome, read = local.finish(engine_for())
    assert read == 8_000
    assert outcome == local.undisturbed(engine_for())


class FullStore(MemoryFileSystem):
    """Refuses to take files of snapshots, all from the n-th on or that one alone."""

    cachable = False

    def __init__(self, room: int, *, is_full_for_ever: bool = True) -> None:
        super().__init__()
        self.room, self.is_full_for_ever = room, is_full_for_ever

    def _open(self, path: str, mode: str = "rb", **keys: object) -> object:
        if mode != "rb":
            self._take(path)
        return super()._open(path, mode, **keys)

    def _take(self, path: str) -> None:
        if "/snapshots/" in path:
            self.room -= 1
            if self.room == -1 or (self.room < 0 and self.is_full_for_ever):
                raise OSError(28, "No space left on device")


def assert_done_with_one_warning(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert lab.attempt(engine_for()) == lab.undisturbed(engine_for())
    [record] = caplog.records
    assert "cannot be written" in record.getMessage() and "going on without" in record.getMessage()


@pytest.mark.parametrize("room", range(6))
def test_where_a_store_is_full_the_work_is_done_all_the_same(
    room: int, local: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    store = Storage(FullStore(room), "output.path=full")
    local.folder = RunFolder("full", store, f"/full-{uuid4().hex}")
    assert_done_with_one_warning(local, caplog)
    assert local.attempt(engine_for()) == local.undisturbed(engine_for())


def test_where_a_disk_refuses_a_folder_the_work_is_done_all_the_same(
    local: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    root = Path(local.folder.root)
    root.mkdir()
    (root / "snapshots").write_text("a file where a folder should be")
    assert_done_with_one_warning(local, caplog)


@pytest.mark.parametrize("room", [4, 5])
def test_a_store_that_refuses_once_costs_one_snapshot(room: int, local: Lab) -> None:
    """The second snapshot's state, or its last file; its rows are part of the third."""
    store = Storage(FullStore(room, is_full_for_ever=False), "output.path=full")
    local.folder = RunFolder("full", store, f"/full-{uuid4().hex}")
    local.die(engine_for(), 13)
    outcome, read = local.finish(engine_for())
    assert outcome == local.undisturbed(engine_for())
    assert read == 8_000 - 6 * EVERY


def test_paths_in_a_snapshot_lead_nowhere_else(local: Lab) -> None:
    local.die(engine_for(), 3)
    [path] = local.files(".json")
    body = json.loads(json.loads(local.folder.fs.cat_file(path))["snapshot"])
    body["arrays"] = "../../secret.safetensors"
    forged = json.dumps(body)
    record = {"sha256": sha256(forged.encode()).hexdigest(), "snapshot": forged}
    local.folder.fs.pipe_file(path, json.dumps(record).encode())
    _, read = local.finish(engine_for())
    assert read == 8_000
