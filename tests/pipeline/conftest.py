"""Where the tests of the pipeline put run folders."""

from pathlib import Path
from uuid import uuid4

import pytest

from longriver.pipeline.run_folder import RunFolder
from tests.pipeline.lab import Lab, text_of, write


@pytest.fixture(params=["disk", "memory"])
def run_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A run folder that does not exist yet, on local disk and in fsspec's memory."""
    return str(tmp_path / "run") if request.param == "disk" else f"memory://runs/{uuid4().hex}"


@pytest.fixture
def local(tmp_path: Path) -> Lab:
    """A long document that is a shard, and a run folder on local disk."""
    return Lab(write(tmp_path, [text_of(8_000)]), RunFolder.open(str(tmp_path / "run")))
