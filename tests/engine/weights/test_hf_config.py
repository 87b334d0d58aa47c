"""What config.json says is held against the tensors, whatever kind of value it holds."""

from pathlib import Path

import pytest

from longriver.engine.version import Version
from tests.engine.weights.conversions import (
    fla_config,
    fla_form,
    hf_config,
    hf_form,
    write_folder,
    write_json,
)
from tests.engine.weights.orders import read, refusal, same, tiny


@pytest.fixture(scope="module")
def fla_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tensors = tiny()
    return write_folder(tmp_path_factory.mktemp("fla"), fla_form(tensors), fla_config(tensors))


@pytest.fixture(scope="module")
def hf_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tensors = tiny(Version.V4)
    return write_folder(tmp_path_factory.mktemp("hf"), hf_form(tensors), hf_config(tensors))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 17),
        ("hidden_size", "16"),
        ("hidden_size", 16.0),
        ("hidden_size", [16]),
        ("hidden_size", True),
        ("hidden_size", 10**400),
        ("num_hidden_layers", 3),
        ("num_hidden_layers", -1),
        ("head_dim", 16),
        ("vocab_size", 65536),
        ("intermediate_size", 65),
        ("norm_eps", 1e-6),
        ("norm_eps", "1e-5"),
        ("norm_eps", {"value": 1e-5}),
        ("norm_eps", None),
        ("hidden_act", "relu"),
        ("norm_first", False),
        ("norm_bias", False),
        ("attn", {"layers": [1], "num_heads": 2}),
        ("tie_word_embeddings", "yes"),
        ("tie_word_embeddings", 1),
        ("quantization_config", {"bits": 4}),
    ],
)
def test_a_field_that_cannot_be_right_is_named(
    fla_folder: Path, tmp_path: Path, field: str, value: object
) -> None:
    folder = _with(fla_folder, tmp_path, fla_config(tiny()) | {field: value})
    assert f"config.json has {field}" in refusal(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [("attention_hidden_size", 32), ("layer_norm_epsilon", 1e-12), ("vocab_size", 41)],
)
def test_a_field_of_version_4_that_cannot_be_right_is_named(
    hf_folder: Path, tmp_path: Path, field: str, value: object
) -> None:
    folder = _with(hf_folder, tmp_path, hf_config(tiny(Version.V4)) | {field: value})
    assert f"config.json has {field}" in refusal(folder)


@pytest.mark.parametrize("name", ["llama", "mamba", "rwkv6qwen2", "", 7, ["rwkv7"], {"a": 1}])
def test_another_network_is_named_with_what_can_be_loaded(
    fla_folder: Path, tmp_path: Path, name: object
) -> None:
    message = refusal(_with(fla_folder, tmp_path, {"model_type": name}))
    assert "has model_type" in message and "rwkv, rwkv5, rwkv6 and rwkv7" in message


def test_the_network_is_judged_before_its_weights(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": "llama"})
    (tmp_path / "model.safetensors").write_bytes(b"not even whole")
    assert "has model_type 'llama'" in refusal(tmp_path)


@pytest.mark.parametrize("config", [{}, {"model_type": None}, {"model_type": "rwkv7_fla"}])
def test_a_config_that_says_little_is_enough(
    fla_folder: Path, tmp_path: Path, config: dict[str, object]
) -> None:
    assert "emb.weight" in read(_with(fla_folder, tmp_path, config))


def test_a_divisor_of_its_own_wants_an_eps_of_its_own(hf_folder: Path, tmp_path: Path) -> None:
    folder = _with(hf_folder, tmp_path, {"model_type": "rwkv5", "head_size_divisor": 1})
    assert "set model.group_norm_eps" in refusal(folder, group_norm_eps=None)
    assert "emb.weight" in read(folder, group_norm_eps=1e-5)


def test_fla_heads_of_another_size_want_an_eps(fla_folder: Path, tmp_path: Path) -> None:
    """fla's GroupNorm has 1e-5 times the head size, BlinkDL's code 64e-5: one must be meant."""
    folder = _with(fla_folder, tmp_path, fla_config(tiny()))
    message = refusal(folder, group_norm_eps=None)
    assert "has heads of 8" in message and "set model.group_norm_eps to 8e-5" in message
    lone = refusal(folder / "model.safetensors", group_norm_eps=None)
    assert "has heads of 8" in lone
    wide = tiny(num_heads=1, head_size=64)
    found = write_folder(tmp_path / "wide", fla_form(wide), fla_config(wide))
    assert same(read(found, group_norm_eps=None), wide)


def test_a_huge_config_is_not_read(fla_folder: Path, tmp_path: Path) -> None:
    folder = _with(fla_folder, tmp_path, {"model_type": "x" * (17 << 20)})
    assert "more than 16 MiB" in refusal(folder)


def _with(folder: Path, home: Path, config: dict[str, object]) -> Path:
    (home / "model.safetensors").symlink_to(folder / "model.safetensors")
    write_json(home / "config.json", config)
    return home
