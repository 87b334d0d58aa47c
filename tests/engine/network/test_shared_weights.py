"""One float32 copy for all workers of a machine: the same numbers, never another user's file."""

import logging
import multiprocessing
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.network.paging import is_file
from longriver.engine.network.shared_weights import LOOKED_UP, shared
from longriver.engine.weights import read_tensors
from tests.checkpoints import random_rwkv7, saved

LEAST = 1000


@pytest.fixture
def model(tmp_path: Path) -> ModelConfig:
    tensors = {key: x.bfloat16() for key, x in random_rwkv7().items()}
    return ModelConfig(path=str(saved(tensors, tmp_path / "model.safetensors")))


def share(model: ModelConfig, cache: Path) -> dict[str, Tensor]:
    return shared(model, read_tensors(model), cache, least_bytes=LEAST)


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.safetensors*"))


def test_matrices_are_the_same_numbers_as_float32_in_a_file(
    model: ModelConfig, tmp_path: Path
) -> None:
    original, found = read_tensors(model), share(model, tmp_path / "cache")
    assert found.keys() == original.keys()
    for key, x in original.items():
        assert torch.equal(found[key].float(), x.float())
        is_matrix = x.ndim >= 2 and key != LOOKED_UP
        assert found[key].dtype == (torch.float32 if is_matrix else torch.bfloat16)
    [file] = files(tmp_path / "cache")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size > sum(4 * x.numel() for x in found.values() if x.ndim >= 2) * 0.9


def test_a_copy_that_is_there_is_not_written_again(model: ModelConfig, tmp_path: Path) -> None:
    share(model, tmp_path)
    before = [file.stat().st_mtime_ns for file in files(tmp_path)]
    assert is_file(share(model, tmp_path)["head.weight"])
    assert [file.stat().st_mtime_ns for file in files(tmp_path)] == before


def test_another_checkpoint_gets_a_copy_of_its_own(model: ModelConfig, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    share(model, cache)
    other = {key: x.bfloat16() for key, x in random_rwkv7(seed=1).items()}
    path = saved(other, tmp_path / "other.safetensors")
    found = share(ModelConfig(path=str(path)), cache)
    assert torch.equal(found["head.weight"], other["head.weight"].float())
    assert len(files(cache)) == 2


@pytest.mark.parametrize("mode", [0o622, 0o666])
def test_a_file_that_others_may_write_to_is_not_trusted(
    model: ModelConfig, tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    share(model, cache)
    files(cache)[0].chmod(mode)
    assert share(model, cache)["head.weight"].dtype == torch.bfloat16
    assert "others may write to it" in caplog.text


def test_a_folder_that_others_may_write_to_is_not_trusted(
    model: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    assert share(model, cache)["head.weight"].dtype == torch.bfloat16
    assert not files(cache) and "others may write to it" in caplog.text


def test_a_link_is_not_followed(model: ModelConfig, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    share(model, cache)
    [file] = files(cache)
    elsewhere = file.rename(tmp_path / "elsewhere.safetensors")
    elsewhere.write_bytes(b"anything")
    file.symlink_to(elsewhere)
    found = share(model, cache)
    assert torch.equal(found["head.weight"], read_tensors(model)["head.weight"].float())
    assert not file.is_symlink() and elsewhere.read_bytes() == b"anything"


def test_a_damaged_copy_leaves_the_weights_as_they_are(
    model: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    share(model, tmp_path / "cache")
    [file] = files(tmp_path / "cache")
    file.write_bytes(file.read_bytes()[:-4])
    found = share(model, tmp_path / "cache")
    assert found["head.weight"].dtype == torch.bfloat16
    assert "not shared" in caplog.text


def test_a_folder_that_cannot_be_made_is_said_once(
    model: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        found = share(model, tmp_path / "file" / "cache")
    assert found["head.weight"].dtype == torch.bfloat16
    assert len(caplog.records) == 1


def test_small_models_and_float32_files_need_no_copy(model: ModelConfig, tmp_path: Path) -> None:
    tensors = read_tensors(model)
    assert shared(model, tensors, tmp_path / "cache") is tensors
    wide = {key: x.float() for key, x in tensors.items()}
    assert shared(model, wide, tmp_path / "cache", least_bytes=LEAST) is wide
    assert not (tmp_path / "cache").exists()


def _total(model: ModelConfig, cache: Path) -> float:
    return float(share(model, cache)["head.weight"].double().sum())


def test_workers_that_start_together_find_one_whole_copy(
    model: ModelConfig, tmp_path: Path
) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        totals = pool.starmap(_total, [(model, tmp_path / "cache")] * 3)
    assert set(totals) == {float(read_tensors(model)["head.weight"].double().sum())}
    assert len(files(tmp_path / "cache")) == 1
