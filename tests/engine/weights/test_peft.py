"""Adapters of Hugging Face's PEFT: its scales, its names, and what is not merged here."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.version import Version
from tests.engine.weights.adapters import expected, low_rank, peft_folder, peft_names
from tests.engine.weights.conversions import fla_form, hf_form, write_file, write_json
from tests.engine.weights.orders import read, refusal, same, tiny

ATTENTION = "model.layers.0.attn"
STEMS = {
    f"{ATTENTION}.r_proj": "blocks.0.att.receptance.weight",
    f"{ATTENTION}.w_lora.lora.0": "blocks.0.att.w1",
    f"{ATTENTION}.g_lora.lora.2": "blocks.0.att.g2",
    "model.layers.1.ffn.key": "blocks.1.ffn.key.weight",
    "lm_head": "head.weight",
}


def adapter() -> dict[str, Tensor]:
    return low_rank([f"{stem}.weight" for stem in STEMS], fla_form(tiny()))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_file(tmp_path / "base.pth", tiny())


def check_scales(base: Path, lora: Path, scales: dict[str, float]) -> None:
    found, theirs = read(base, lora=lora), fla_form(tiny())
    for stem, name in STEMS.items():
        wanted = expected(theirs[f"{stem}.weight"], adapter(), stem, scales[stem])
        merged = found[name].T if name in ("blocks.0.att.w1", "blocks.0.att.g2") else found[name]
        assert (merged - wanted).abs().max() < 1e-5


def test_weights_gain_alpha_over_rank_times_b_a(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    check_scales(base, lora, dict.fromkeys(STEMS, 8 / 4))


def test_rank_stabilized_adapters_are_divided_by_the_root(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter(), use_rslora=True)
    check_scales(base, lora, dict.fromkeys(STEMS, 8 / math.sqrt(4)))


def test_patterns_are_ends_of_names_and_the_first_one_counts(base: Path, tmp_path: Path) -> None:
    pattern = {"attn.r_proj": 12, "r_proj": 100, "^lm_head": 20, "^key": 50, "proj": 7}
    lora = peft_folder(tmp_path / "lora", adapter(), alpha_pattern=pattern)
    scales = dict.fromkeys(STEMS, 2.0) | {f"{ATTENTION}.r_proj": 3.0, "lm_head": 5.0}
    check_scales(base, lora, scales)


def test_a_rank_of_its_own_is_read_from_the_pattern(base: Path, tmp_path: Path) -> None:
    theirs = fla_form(tiny())
    tensors = adapter() | low_rank(["lm_head.weight"], theirs, rank=2)
    assert "lm_head of rank 2" in refusal(base, lora=peft_folder(tmp_path / "lora", tensors))
    lora = peft_folder(tmp_path / "lora", tensors, rank_pattern={"lm_head": 2})
    found = read(base, lora=lora)["head.weight"]
    wanted = expected(theirs["lm_head.weight"], tensors, "lm_head", 8 / 2)
    assert (found - wanted).abs().max() < 1e-5


def test_the_form_of_the_checkpoint_does_not_matter(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    fla = write_file(tmp_path / "fla.safetensors", fla_form(tiny()))
    assert same(read(fla, lora=lora), read(base, lora=lora))


def test_version_4_in_transformers_names_is_adapted(tmp_path: Path) -> None:
    tensors = tiny(Version.V4)
    stem = "rwkv.blocks.1.attention.value"
    pair = low_rank([f"{stem}.weight"], hf_form(tensors))
    lora = peft_folder(tmp_path / "lora", pair)
    found = read(write_file(tmp_path / "base.pth", tensors), lora=lora)
    wanted = expected(tensors["blocks.1.att.value.weight"], pair, stem, 2)
    assert (found["blocks.1.att.value.weight"] - wanted).abs().max() < 1e-5


def test_saved_modules_take_the_place_of_the_checkpoints(base: Path, tmp_path: Path) -> None:
    saved = {
        "model.embeddings.modules_to_save.weight": torch.ones(40, 16),
        "model.layers.0.attn_norm.weight": torch.full((16,), 2.0),
        "model.layers.1.ffn.key.base_layer.weight": torch.zeros(64, 16),
        f"{ATTENTION}.w_lora.lora.2.bias": torch.full((16,), 4.0),
    }
    found = read(base, lora=peft_folder(tmp_path / "lora", adapter() | saved))
    assert found["emb.weight"].eq(1).all() and found["blocks.0.ln1.weight"].eq(2).all()
    assert torch.equal(found["blocks.0.att.w0"], torch.full((1, 1, 16), 4.0))


def test_alpha_is_the_folders_own(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    assert "says its own alpha, 8; leave model.lora_alpha out" in refusal(
        base, lora=lora, lora_alpha=8
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("peft_type", "LOHA", "has peft_type 'LOHA'"),
        ("peft_type", None, "has peft_type None"),
        ("use_dora", True, "DoRA"),
        ("fan_in_fan_out", True, "[in, out]"),
        ("lora_bias", True, "biases"),
        ("layer_replication", [[0, 2]], "repeated layers"),
        ("init_lora_weights", "pissa_niter_4", "changed the checkpoint itself"),
        ("init_lora_weights", ["olora"], "changed the checkpoint itself"),
        ("r", 0, "has r 0"),
        ("r", True, "has r True"),
        ("r", "4", "has r '4'"),
        ("r", 10**30, "a rank is needed"),
        ("lora_alpha", -1, "has lora_alpha -1"),
        ("lora_alpha", None, "has lora_alpha None"),
        ("lora_alpha", 1e300, "a positive number is needed"),
        ("use_rslora", "no", "has use_rslora 'no'"),
        ("alpha_pattern", [1], "has alpha_pattern a list"),
        ("alpha_pattern", {"(a+)+$": 1}, "only plain names are read"),
        ("alpha_pattern", {"lm_head": "big"}, "alpha_pattern of lm_head 'big'"),
        ("rank_pattern", {"lm_head": 1.5}, "rank_pattern of lm_head 1.5"),
    ],
)
def test_a_field_that_asks_for_more_is_named(
    base: Path, tmp_path: Path, field: str, value: object, words: str
) -> None:
    message = refusal(base, lora=peft_folder(tmp_path / "lora", adapter(), **{field: value}))
    assert words in message and "adapter_config.json" in message


def test_a_folder_without_its_config_is_refused(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    file = lora / "adapter_model.safetensors"
    assert "name the folder, with adapter_config.json" in refusal(base, lora=file, lora_alpha=8)
    (lora / "adapter_config.json").unlink()
    assert "adapter_config.json inside" in refusal(base, lora=lora)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("base_model.model.lm_head.lora_magnitude_vector.weight", "that is DoRA"),
        ("base_model.model.model.embeddings.lora_embedding_A", "a LoRA of the embedding"),
        ("base_model.model.lm_head.lora_B.bias", "not known here"),
        ("base_model.model.model.layers.7.ffn.key.weight", "has no blocks.7.ffn.key.weight"),
        ("lm_head.modules_to_save.lora_A.weight", "holds a tensor twice"),
    ],
)
def test_a_key_of_something_else_is_named(base: Path, tmp_path: Path, key: str, words: str) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    tensors = peft_names(adapter()) | {key: torch.zeros(64, 16)}
    write_file(lora / "adapter_model.safetensors", tensors)
    assert words in refusal(base, lora=lora)


def test_a_config_that_is_no_json_is_refused(base: Path, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", adapter())
    (lora / "adapter_config.json").write_text('{"r": NaN}')
    assert "NaN is no number" in refusal(base, lora=lora)
    write_json(lora / "adapter_config.json", {})
    assert "has peft_type None" in refusal(base, lora=lora)
