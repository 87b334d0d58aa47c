"""What all tests share: GPU tests skip without a GPU, and where the sample data lie."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Busy machines and first compilations make any deadline a flaky test.
settings.register_profile("longriver", deadline=None)
settings.load_profile("longriver")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Sample texts and vectors that lie beside the repository, where they do."""
    if not SHARED_DATA.exists():
        pytest.skip("the sample data ../shared/data are not here")
    return SHARED_DATA
