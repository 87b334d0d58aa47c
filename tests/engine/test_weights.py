"""Damaged, foreign and hostile checkpoints: each is refused in one line that names file and key."""

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.rwkv7_load import load_rwkv7
from tests.checkpoints import random_rwkv7


def load(path: Path) -> None:
    load_rwkv7(str(path), torch.device("cpu"), torch.float32)


def saved(tensors: dict[str, Tensor], path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_both_formats_load(tmp_path: Path, suffix: str) -> None:
    load(saved(random_rwkv7(), tmp_path / f"model{suffix}"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_files_load_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {key: value.to(dtype) for key, value in random_rwkv7().items()}
    path = saved(tensors, tmp_path / "model.pth")
    model = load_rwkv7(str(path), torch.device("cpu"), torch.float32)
    assert model.head.dtype == torch.float32 and model.embedding.dtype == dtype


def test_a_first_layer_with_an_unused_value_residual_loads(tmp_path: Path) -> None:
    tensors = random_rwkv7()
    for name in ("v0", "v1", "v2"):
        tensors[f"blocks.0.att.{name}"] = tensors[f"blocks.1.att.{name}"].clone()
    load(saved(tensors, tmp_path / "model.pth"))


@pytest.mark.parametrize(
    "key", ["emb.weight", "blocks.1.att.w2", "blocks.0.ffn.x_k", "ln_out.bias"]
)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    tensors = random_rwkv7()
    del tensors[key]
    assert f"{key} is missing" in refusal(saved(tensors, tmp_path / "model.pth"))


def test_a_key_too_many_is_named(tmp_path: Path) -> None:
    tensors = random_rwkv7() | {"blocks.1.att.novelty": torch.zeros(3)}
    assert "blocks.1.att.novelty" in refusal(saved(tensors, tmp_path / "model.pth"))


@pytest.mark.parametrize("key", ["head.weight", "blocks.1.att.k_k", "blocks.0.att.g2"])
def test_a_wrong_shape_is_named(tmp_path: Path, key: str) -> None:
    tensors = random_rwkv7()
    tensors[key] = torch.zeros(3, 5)
    assert f"{key} has shape (3, 5)" in refusal(saved(tensors, tmp_path / "model.pth"))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, value: float) -> None:
    tensors = random_rwkv7()
    tensors["blocks.1.ffn.key.weight"][3, 3] = value
    message = refusal(saved(tensors, tmp_path / "model.safetensors"))
    assert "blocks.1.ffn.key.weight holds NaN or infinite" in message


def test_integers_are_not_weights(tmp_path: Path) -> None:
    tensors = random_rwkv7()
    tensors["head.weight"] = torch.ones(256, 128, dtype=torch.int32)
    assert "torch.int32" in refusal(saved(tensors, tmp_path / "model.pth"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("blocks.0.att.time_maa_x", "RWKV-6"),
        ("blocks.0.att.ln_x.weight", "RWKV-5"),
        ("blocks.0.att.time_mix_k", "RWKV-4"),
        ("blocks.0.ffn.s_emb.weight", "RWKV-7a"),
        ("blocks.0.qkv.weight", "RWKV-7b"),
        ("blocks.0.ffn.enn.weight", "RWKV-8"),
        ("model.layers.0.attn.r_k", "Hugging Face"),
        ("_strategy", "converted"),
        ("transformer.wte.weight", "is not an RWKV checkpoint"),
    ],
)
def test_other_networks_are_recognised(tmp_path: Path, key: str, words: str) -> None:
    assert words in refusal(saved({key: torch.zeros(4)}, tmp_path / "model.pth"))


class _Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.witness}",)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "it-ran"
    path = tmp_path / "hostile.pth"
    torch.save({"emb.weight": torch.zeros(2, 2), "x": _Hostile(witness)}, path)
    assert "nothing of it was run" in refusal(path)
    assert not witness.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "it-ran"
    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps(_Hostile(witness)))
    refusal(path)
    assert not witness.exists()


def test_a_zip_archive_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday.jpg", b"sea")
    refusal(path)


def test_a_damaged_end_of_the_archive_is_refused(tmp_path: Path) -> None:
    path = saved(random_rwkv7(num_layers=1), tmp_path / "model.pth")
    content = bytearray(path.read_bytes())
    disks = content.rfind(b"PK\x06\x07") + 16
    content[disks : disks + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    refusal(path)


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_changed_pickle_never_crashes_the_loader(tmp_path: Path, data: st.DataObject) -> None:
    """Zip archives have checksums: this one is written anew, so that the unpickler is reached."""
    path = saved(
        random_rwkv7(num_layers=1, num_heads=1, head_size=8, vocab_size=16), tmp_path / "whole.pth"
    )
    with zipfile.ZipFile(path) as archive:
        members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    changed = next(content for name, content in members.items() if name.endswith("data.pkl"))
    for place in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=4)):
        changed[place] = data.draw(st.integers(0, 255))
    with zipfile.ZipFile(tmp_path / "changed.pth", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    try:
        load(tmp_path / "changed.pth")
    except WeightsError as error:
        assert "\n" not in str(error)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere.pth")
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@given(data=st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    whole = saved(random_rwkv7(num_layers=1), tmp_path / f"whole{suffix}").read_bytes()
    size = data.draw(st.integers(0, len(whole) - 1))
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[:size])
    refusal(cut)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_flipped_bytes_never_crash_the_loader(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    path = saved(random_rwkv7(num_layers=1), tmp_path / f"whole{suffix}")
    content = bytearray(path.read_bytes())
    edges = st.one_of(st.integers(0, 4000), st.integers(len(content) - 9000, len(content) - 1))
    for _ in range(3):
        content[data.draw(edges)] = data.draw(st.integers(0, 255))
    flipped = tmp_path / f"flipped{suffix}"
    flipped.write_bytes(content)
    try:
        load(flipped)
    except WeightsError as error:
        assert "\n" not in str(error)
