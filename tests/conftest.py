"""What all tests share: GPU tests skip without a GPU, and where the sample data lie."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Busy machines and first compilations make any deadline a flaky test.
settings.register_profile("longriver", deadline=None)
settings.load_profile("longriver")

# What a script starts with & ignores Ctrl-C, and so would all that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    has_gpu = torch.cuda.is_available()
    for item in items:
        if "ray" in item.keywords:  # they share one Ray, so they share a process
            item.add_marker(pytest.mark.xdist_group("ray"))
        if "gpu" in item.keywords and not has_gpu:
            item.add_marker(pytest.mark.skip(reason="runs CUDA kernels; torch finds no device"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Sample texts and vectors that lie beside the repository, where they do."""
    if not SHARED_DATA.exists():
        pytest.skip("the sample data ../shared/data are not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One Ray with room for two workers, which all tests share: starting it takes seconds."""
    import ray  # seconds that a run without these tests does without

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init(
        "local",
        num_cpus=2,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
    )
    yield
    ray.shutdown()
