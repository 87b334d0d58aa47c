"""A model that the harness's own back-end and ours both load."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model; skips where the harness or what its `hf` back-end needs is not installed."""
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from tests.lm_eval_peer import write_model

    return write_model(tmp_path_factory.mktemp("model"))
