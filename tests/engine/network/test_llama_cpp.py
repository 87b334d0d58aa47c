"""RWKV-7 against llama.cpp, whose code has nothing in common with PyPI `rwkv`'s."""

from pathlib import Path

import pytest
import torch

from tests.checkpoints import network_of, random_rwkv7
from tests.engine.reading import engine_of, read

pytest.importorskip("llama_cpp", reason="pip install -e '.[llama-cpp]'")
pytest.importorskip("gguf", reason="pip install -e '.[llama-cpp]'")


@pytest.mark.parametrize("num_heads", [2, 3])
def test_nats_agree_with_llama_cpp(tmp_path: Path, num_heads: int) -> None:
    from tests.bench.gguf_file import write
    from tests.bench.llama_cpp_peer import LlamaCpp

    # heads of 64 only: its code for AVX-512 reads behind smaller ones
    tensors = random_rwkv7(num_layers=3, num_heads=num_heads)
    ids = torch.randint(0, 256, (300,), generator=torch.Generator().manual_seed(1)).tolist()
    theirs = LlamaCpp(write(tensors, tmp_path / "model.gguf", "F32"), step=64).nll(ids)
    [ours] = read(engine_of(network_of(tensors)), [ids])
    assert torch.allclose(torch.from_numpy(ours), theirs, rtol=0, atol=2e-5)
