"""An S3 server, a place on it, and texts of a shard each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orders import write_texts
from tests.pipeline.s3_server import S3Server
from tests.pipeline.storages.place import NUM_FILES, Place


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_retries_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's own would hide the faults from the code under test; s3fs's still do in part."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def s3(server: S3Server) -> Place:
    return Place(f"s3://{server.new_bucket()}/deep/run", server.options)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts", NUM_FILES)
