"""State-tuned files: put into the checkpoint as they are, and only if they are of it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.version import Version
from tests.engine.weights.conversions import write_file
from tests.engine.weights.orders import read, refusal, same, tiny

TUNED = (Version.V5_2, Version.V6, Version.V7)


def states(num_layers: int = 2, **shape: int) -> dict[str, Tensor]:
    size = {"H": 2, "N": 8} | shape
    return {
        f"blocks.{i}.att.time_state": torch.randn(size["H"], size["N"], size["N"])
        for i in range(num_layers)
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_file(tmp_path / "base.pth", tiny())


@pytest.mark.parametrize("version", TUNED)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_is_put_in(tmp_path: Path, version: Version, suffix: str) -> None:
    tensors, tuned = tiny(version), states()
    base = write_file(tmp_path / "base.pth", tensors)
    file = write_file(tmp_path / f"state{suffix}", tuned)
    assert same(read(base, state=file), tensors | tuned)


def test_a_whole_checkpoint_gives_its_state_and_nothing_else(base: Path) -> None:
    tuned = states()
    other = {key: x + 1 for key, x in tiny().items()}
    file = write_file(base.with_name("merged.pth"), other | tuned)
    assert same(read(base, state=file), tiny() | tuned)


def test_it_takes_the_place_of_the_checkpoints_own(base: Path) -> None:
    write_file(base, tiny() | states())
    tuned = states()
    assert same(read(base, state=write_file(base.with_name("state.pth"), tuned)), tiny() | tuned)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (states(1), "lacks blocks.1.att.time_state"),
        (states(3), "holds blocks.2.att.time_state, a layer"),
        (states(H=4, N=4), "of shape (4, 4, 4), (2, 8, 8) is needed"),
        (states() | {"blocks.1.att.time_state": torch.zeros(2, 8)}, "of shape (2, 8)"),
        (states() | {"novelty": torch.zeros(1)}, "holds novelty, which is no part"),
        (states() | {"blocks.0.att.time_state": torch.full((2, 8, 8), torch.nan)}, "not finite"),
        (states() | {"blocks.0.att.time_state": torch.ones(2, 8, 8).int()}, "torch.int32"),
        ({"emb.weight": torch.zeros(1)}, "holds no blocks.0.att.time_state"),
        ({}, "holds no blocks.0.att.time_state"),
    ],
)
def test_a_state_that_does_not_fit_is_named(
    base: Path, content: dict[str, Tensor], words: str
) -> None:
    file = write_file(base.with_name("state.pth"), content)
    message = refusal(base, state=file)
    assert words in message and message.startswith(f"model.state={file}")


@pytest.mark.parametrize("version", [Version.V4, Version.V5_0, Version.V5_1])
def test_a_version_that_cannot_start_from_one_is_named(tmp_path: Path, version: Version) -> None:
    base = write_file(tmp_path / "base.pth", tiny(version))
    file = write_file(tmp_path / "state.pth", states())
    assert "needs a checkpoint of RWKV-5.2, 6 or 7" in refusal(base, state=file)
