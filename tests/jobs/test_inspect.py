"""`longriver inspect` as a person sees it."""

from pathlib import Path

import pytest
import torch

from longriver.engine.config import ModelConfig
from longriver.engine.inspection import flops_per_token, inspect
from longriver.engine.version import Version
from longriver.jobs.cli import main
from tests.checkpoints import loaded, random_rwkv, saved


def test_the_embedded_model_is_told_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect"]) == 0
    out = capsys.readouterr().out
    for line in ("RWKV-7", "heads", "2 of 64", "bytes", "sha256:", "3.01 MFLOP a token"):
        assert line in out


@pytest.mark.parametrize("version", list(Version))
def test_sizes_are_those_of_the_tensors(version: Version, tmp_path: Path) -> None:
    tensors = random_rwkv(version, num_heads=3, head_size=16, vocab_size=256, num_layers=2)
    half = {key: x.bfloat16() for key, x in tensors.items()}
    found = inspect(ModelConfig(path=str(saved(half, tmp_path / "model.pth"))))
    assert (found.version, found.num_layers, found.width) == (version, 2, 48)
    has_heads = version != Version.V4
    assert (found.num_heads, found.head_size) == ((3, 16) if has_heads else (None, None))
    assert found.num_parameters == sum(x.numel() for x in tensors.values())
    assert (found.dtype, found.vocab_size, found.tokenizer) == ("bfloat16", 256, "bytes")
    memory = 3 * 48 if version == Version.V4 else 3 * 16 * 16
    assert found.state_bytes == 4 * 2 * (2 * 48 + memory)


def test_a_vocabulary_without_a_tokenizer_is_told_not_refused(tmp_path: Path) -> None:
    tensors = random_rwkv(Version.V7, num_heads=1, head_size=8, vocab_size=777)
    found = inspect(ModelConfig(path=str(saved(tensors, tmp_path / "model.pth"))))
    assert found.tokenizer.startswith("none: ") and "777" in found.tokenizer


def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    assert main(["inspect", f"model.path={tmp_path / 'other.pth'}"]) == 2
    err = capsys.readouterr().err
    assert "is not an RWKV checkpoint" in err and err.count("\n") == 1


def test_operations_of_version_7_are_counted(tmp_path: Path) -> None:
    """Two for each weight of the matrices and the head, seven for each entry of a head's state."""
    D, L, V, ranks = 128, 2, 256, (8, 12, 4, 16)
    path = saved(random_rwkv(Version.V7), tmp_path / "model.pth")
    low_rank = 2 * D * (L * sum(ranks) - ranks[2])
    expected = 2 * (V * D + L * 12 * D * D + low_rank) + L * 2 * 64 * 64 * 7
    assert flops_per_token(loaded(path)) == expected
