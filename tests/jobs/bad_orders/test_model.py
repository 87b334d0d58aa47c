"""Models and tokenizers that cannot be used: one line that helps, and none of their code run."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.checkpoints import random_rwkv7
from tests.jobs.bad_orders.conftest import TINY, Refusal


def test_a_checkpoint_that_is_not_there(refusal: Refusal, books: Path) -> None:
    assert "model.path=no.pth does not exist; name a .pth" in refusal(books, "model.path=no.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".txt"])
@pytest.mark.parametrize("content", [b"", b"Once upon a time.\n", bytes(range(256)) * 99])
def test_a_file_that_is_no_checkpoint(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path} is not a whole" in line and "download it again" in line


def test_a_folder_for_a_checkpoint(refusal: Refusal, books: Path) -> None:
    assert "holds no weights (model.safetensors" in refusal(books, f"model.path={books}")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_weights_of_another_network(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"gpt{suffix}"
    tensors = {"transformer.wte.weight": torch.zeros(4, 4)}
    torch.save(tensors, path) if suffix == ".pth" else save_file(tensors, path)
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path} is not an RWKV checkpoint" in line and "wte.weight" in line


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_checkpoint(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"cut{suffix}"
    torch.save(random_rwkv7(**TINY), path) if suffix == ".pth" else save_file(
        random_rwkv7(**TINY), path
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path}" in line and "download it again" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("ln_out.bias"), "ln_out.bias is missing"),
        (lambda t: t.update({"head.weight": torch.zeros(3, 5)}), "head.weight has shape (3, 5)"),
        (lambda t: t["emb.weight"][7].fill_(torch.nan), "emb.weight holds NaN"),
        (lambda t: t.update({"blocks.0.att.new": torch.zeros(1)}), "blocks.0.att.new is no part"),
    ],
)
def test_a_checkpoint_with_a_fault(
    refusal: Refusal,
    books: Path,
    tmp_path: Path,
    change: Callable[[dict[str, torch.Tensor]], object],
    words: str,
) -> None:
    tensors, path = random_rwkv7(**TINY), tmp_path / "faulty.pth"
    change(tensors)
    torch.save(tensors, path)
    assert f"model.path={path}: {words}" in refusal(books, f"model.path={path}")


class _Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.witness}",)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".bin"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_checkpoint_with_code_in_it(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, is_zip: bool
) -> None:
    witness, path = tmp_path / "it-ran", tmp_path / f"hostile{suffix}"
    content = random_rwkv7(**TINY) | {"extra": _Hostile(witness)}
    torch.save(content, path) if is_zip else path.write_bytes(pickle.dumps(content))
    assert str(path) in refusal(books, f"model.path={path}")
    assert not witness.exists()


def test_a_tokenizer_of_another_vocabulary(refusal: Refusal, books: Path, tmp_path: Path) -> None:
    line = refusal(books, "model.tokenizer=world")
    assert "model.tokenizer=world does not fit" in line and "256 ids" in line and "bytes" in line
    path = tmp_path / "odd.pth"
    torch.save(random_rwkv7(**TINY, vocab_size=300), path)
    assert "300 ids" in refusal(books, f"model.path={path}")


@pytest.fixture
def world_checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "world.safetensors"
    save_file(random_rwkv7(num_layers=1, num_heads=1, head_size=8, vocab_size=65536), path)
    return path


def test_a_vocabulary_that_is_not_there(
    refusal: Refusal, books: Path, world_checkpoint: Path
) -> None:
    words = [f"model.path={world_checkpoint}", "model.vocab=no.txt"]
    assert "model.vocab=no.txt is not a file" in refusal(books, *words)


def test_a_vocabulary_with_code_in_it(
    refusal: Refusal, books: Path, world_checkpoint: Path, tmp_path: Path
) -> None:
    witness, path = tmp_path / "it-ran", tmp_path / "vocab.txt"
    path.write_text(f"1 __import__('os').system('touch {witness}') 4\n")
    line = refusal(books, f"model.path={world_checkpoint}", f"model.vocab={path}")
    assert f"model.vocab={path}, line 1" in line and "use the original file" in line
    assert not witness.exists()


def test_a_vocabulary_of_a_byte_level_model(refusal: Refusal, books: Path) -> None:
    assert "model.vocab=x has no effect" in refusal(books, "model.vocab=x")


def test_a_prefix_token_outside_of_the_vocabulary(refusal: Refusal, books: Path) -> None:
    line = refusal(books, "model.prefix_token=256")
    assert "model.prefix_token=256" in line and "vocabulary of 256" in line and "0 is what" in line
