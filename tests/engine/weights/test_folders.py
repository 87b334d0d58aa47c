"""Hugging Face folders: one model, the same bits, and an index that nobody is fooled by."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.version import Version
from tests.engine.weights.conversions import (
    fla_config,
    fla_form,
    hf_config,
    hf_form,
    write_file,
    write_folder,
    write_json,
)
from tests.engine.weights.orders import read, refusal, same, tiny

HF_TYPES = {Version.V4: "rwkv", Version.V5_0: "rwkv5", Version.V5_2: "rwkv5", Version.V6: "rwkv6"}


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fla_comes_back_to_the_bit(tmp_path: Path, stacked: bool, dtype: torch.dtype) -> None:
    tensors = {key: x.to(dtype) for key, x in tiny(num_layers=3).items()}
    folder = write_folder(tmp_path, fla_form(tensors, stacked=stacked), fla_config(tensors))
    assert same(read(folder), tensors)


@pytest.mark.parametrize("version", list(HF_TYPES))
def test_transformers_rwkv_comes_back_to_the_bit(tmp_path: Path, version: Version) -> None:
    tensors = tiny(version)
    config = hf_config(tensors, HF_TYPES[version])
    assert same(read(write_folder(tmp_path, hf_form(tensors), config)), tensors)


@pytest.mark.parametrize("version", [Version.V7, Version.V6])
def test_blinkdls_names_in_a_folder_are_read(tmp_path: Path, version: Version) -> None:
    tensors = tiny(version)
    config = {"model_type": f"rwkv{version}", "hidden_size": 16}
    assert same(read(write_folder(tmp_path, tensors, config)), tensors)


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("num_shards", [1, 2, 7])
def test_shards_are_put_together(tmp_path: Path, suffix: str, num_shards: int) -> None:
    tensors = tiny()
    folder = write_folder(
        tmp_path, fla_form(tensors), fla_config(tensors), num_shards=num_shards, suffix=suffix
    )
    assert same(read(folder), tensors)


@pytest.mark.parametrize("form", [fla_form, lambda x: fla_form(x, stacked=True)])
def test_a_lone_file_is_known_by_its_keys(
    tmp_path: Path, form: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    tensors = tiny()
    assert same(read(write_file(tmp_path / "lone.safetensors", form(tensors))), tensors)
    version4 = tiny(Version.V4)
    assert same(read(write_file(tmp_path / "v4.safetensors", hf_form(version4))), version4)


def test_names_without_the_prefix_are_read(tmp_path: Path) -> None:
    tensors = tiny()
    bare = {key.removeprefix("model."): x for key, x in fla_form(tensors).items()}
    assert same(read(write_file(tmp_path / "bare.safetensors", bare)), tensors)


def test_a_folder_with_one_file_of_any_name_is_that_file(tmp_path: Path) -> None:
    tensors = tiny()
    write_file(tmp_path / "RWKV-x070-World.pth", tensors)
    (tmp_path / "README.md").write_text("hello")
    assert same(read(tmp_path), tensors)


def test_safetensors_are_preferred_to_pickles(tmp_path: Path) -> None:
    tensors = tiny()
    write_folder(tmp_path, tensors)
    (tmp_path / "pytorch_model.bin").write_bytes(b"never looked at")
    assert same(read(tmp_path), tensors)


def test_a_tied_head_is_the_embedding(tmp_path: Path) -> None:
    tensors = tiny()
    config = fla_config(tensors) | {"tie_word_embeddings": True}
    untied = {key: x for key, x in fla_form(tensors).items() if key != "lm_head.weight"}
    found = read(write_folder(tmp_path, untied, config))
    assert found["head.weight"].data_ptr() == found["emb.weight"].data_ptr()
    write_folder(tmp_path, fla_form(tensors), config)
    assert "the head is not the embedding" in refusal(tmp_path)


def test_a_key_under_two_names_is_refused(tmp_path: Path) -> None:
    tensors = fla_form(tiny(num_layers=1)) | {"emb.weight": torch.zeros(40, 16)}
    message = refusal(write_file(tmp_path / "model.safetensors", tensors))
    assert "holds emb.weight twice" in message and "model.embeddings.weight" in message


def test_a_stack_of_another_height_is_refused(tmp_path: Path) -> None:
    tensors = {"model.layers.0.attn.x_x": torch.zeros(5, 16)}
    assert "[6, D] is needed" in refusal(write_file(tmp_path / "m.safetensors", tensors))


def test_fla_of_version_6_is_refused_by_name(tmp_path: Path) -> None:
    tensors = {"model.layers.0.attn.bonus": torch.zeros(2, 8)}
    assert "RWKV-6 in fla's form" in refusal(write_file(tmp_path / "m.safetensors", tensors))


def test_a_folder_without_weights_or_with_several_is_refused(tmp_path: Path) -> None:
    assert "holds no weights" in refusal(tmp_path)
    write_file(tmp_path / "a.pth", {"x": torch.zeros(1)})
    write_file(tmp_path / "b.pth", {"x": torch.zeros(1)})
    assert "name one of a.pth, b.pth" in refusal(tmp_path)


INDEX = "model.safetensors.index.json"


def sharded(folder: Path) -> tuple[Path, dict[str, str]]:
    tensors = tiny()
    write_folder(folder, fla_form(tensors), fla_config(tensors), num_shards=2)
    return folder, json.loads((folder / INDEX).read_text())["weight_map"]


@pytest.mark.parametrize(
    "name",
    [
        "../outside.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        ".hidden.safetensors",
        "model.py",
        "..",
        "",
        "a\nb.safetensors",
        7,
        None,
        ["model.safetensors"],
    ],
)
def test_an_index_that_names_no_file_of_the_folder_is_refused(tmp_path: Path, name: object) -> None:
    folder, weight_map = sharded(tmp_path)
    write_json(folder / INDEX, {"weight_map": weight_map | {"lm_head.weight": name}})
    assert "no name of a file beside it" in refusal(folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"weight_map": []}', '{"weight_map": {}}', "[" * 5000, "NaN", "1e9"]
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    folder, _ = sharded(tmp_path)
    (folder / INDEX).write_text(content)
    assert INDEX in refusal(folder)


def test_an_index_that_names_a_key_twice_is_refused(tmp_path: Path) -> None:
    folder, _ = sharded(tmp_path)
    (folder / INDEX).write_text('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}')
    assert "the key 'a' is there twice" in refusal(folder)


def test_shards_and_index_must_agree(tmp_path: Path) -> None:
    folder, weight_map = sharded(tmp_path)
    first, second = sorted(set(weight_map.values()))
    key = next(key for key, name in weight_map.items() if name == first)
    write_json(folder / INDEX, {"weight_map": weight_map | {"novelty": first}})
    assert "lacks 'novelty'" in refusal(folder)
    write_json(folder / INDEX, {"weight_map": {k: v for k, v in weight_map.items() if k != key}})
    assert f"holds {key}, which the index has nowhere" in refusal(folder)
    write_json(folder / INDEX, {"weight_map": weight_map | {key: second}})
    assert f"holds {key}, which the index has in {second}" in refusal(folder)
    write_json(folder / INDEX, {"weight_map": weight_map})
    (folder / second).unlink()
    assert second in refusal(folder)


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder, weight_map = sharded(tmp_path / "model")
    shard = folder / min(weight_map.values())
    shard.rename(tmp_path / "elsewhere.safetensors")
    shard.symlink_to(tmp_path / "elsewhere.safetensors")
    assert "leads out of the folder" in refusal(folder)


def test_the_hubs_cache_of_links_is_read(tmp_path: Path) -> None:
    snapshots, blobs = tmp_path / "snapshots", tmp_path / "blobs"
    snapshots.mkdir()
    blobs.mkdir()
    folder, weight_map = sharded(snapshots / "abc")
    for number, name in enumerate(sorted({*weight_map.values(), INDEX, "config.json"})):
        (folder / name).rename(blobs / f"{number}")
        (folder / name).symlink_to(Path("../../blobs") / f"{number}")
    assert same(read(folder), tiny())
