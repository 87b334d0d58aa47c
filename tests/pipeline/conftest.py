"""Where the tests of the pipeline put run folders."""

from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture(params=["disk", "memory"])
def run_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A run folder that does not exist yet, on local disk and in fsspec's memory."""
    return str(tmp_path / "run") if request.param == "disk" else f"memory://runs/{uuid4().hex}"
