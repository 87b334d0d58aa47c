"""From BlinkDL's form to Hugging Face's: names, folders, shards and configurations, for tests."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

Tensors = dict[str, Tensor]

FLA_PARTS = {
    "att": "attn",
    "ln0": "pre_norm",
    "ln1": "attn_norm",
    "ln2": "ffn_norm",
    "receptance": "r_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output": "o_proj",
    "ln_x": "g_norm",
}
FLA_TOP = {
    "emb.weight": "model.embeddings.weight",
    "ln_out.weight": "model.norm.weight",
    "ln_out.bias": "model.norm.bias",
    "head.weight": "lm_head.weight",
}
HF_NAMES = {
    "emb.": "embeddings.",
    ".ln0.": ".pre_ln.",
    ".att.": ".attention.",
    ".ffn.": ".feed_forward.",
    "time_mix_k": "time_mix_key",
    "time_mix_v": "time_mix_value",
    "time_mix_r": "time_mix_receptance",
    "time_mix_g": "time_mix_gate",
}


def fla_form(tensors: Tensors, *, stacked: bool = False) -> Tensors:
    """RWKV-7 as fla's converter writes it; ``stacked`` as it did before x_r ... x_g."""
    found = dict(_fla(key, x) for key, x in tensors.items())
    if stacked:
        for i in {key.split(".")[2] for key in found if key.startswith("model.layers.")}:
            mixes = [found.pop(f"model.layers.{i}.attn.x_{letter}") for letter in "rwkvag"]
            found[f"model.layers.{i}.attn.x_x"] = torch.stack(mixes).reshape(6, -1)
    return found


def _fla(key: str, x: Tensor) -> tuple[str, Tensor]:
    if key in FLA_TOP:
        return FLA_TOP[key], x
    _, layer, part, *rest = key.split(".")
    home = f"model.layers.{layer}.{FLA_PARTS.get(part, part)}"
    if part == "att" and re.fullmatch("[wvag][012]", rest[0]):
        letter, number = rest[0]
        place = {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[number]
        return f"{home}.{letter}_lora.lora.{place}", x.flatten() if number == "0" else x.T
    if part == "att":
        rest = [FLA_PARTS.get(rest[0], rest[0]), *rest[1:]]
    is_vector = rest[0] in ("k_k", "k_a") or (part == "ffn" and rest[0] == "x_k")
    return ".".join((home, *rest)), x.flatten() if is_vector else x


def hf_form(tensors: Tensors) -> Tensors:
    """RWKV-4 as transformers has it, and 5 and 6 as the custom code on the hub."""
    found: Tensors = {}
    for key, x in tensors.items():
        name = key
        for ours, theirs in HF_NAMES.items():
            name = name.replace(ours, theirs)
        found[name if name == "head.weight" else f"rwkv.{name}"] = x
    return found


def fla_config(tensors: Tensors) -> dict[str, object]:
    vocab_size, width = tensors["emb.weight"].shape
    return {
        "model_type": "rwkv7",
        "hidden_size": width,
        "num_hidden_layers": _num_layers(tensors),
        "head_dim": tensors["blocks.0.att.r_k"].shape[1],
        "intermediate_size": 4 * width,
        "vocab_size": vocab_size,
        "norm_eps": 1e-5,
        "hidden_act": "sqrelu",
        "norm_first": True,
        "norm_bias": True,
        "attn": None,
        "value_dim": [width] * _num_layers(tensors),
        "tie_word_embeddings": False,
        "bos_token_id": 1,
    }


def hf_config(tensors: Tensors, model_type: str = "rwkv") -> dict[str, object]:
    vocab_size, width = tensors["emb.weight"].shape
    return {
        "model_type": model_type,
        "hidden_size": width,
        "attention_hidden_size": width,
        "num_hidden_layers": _num_layers(tensors),
        "intermediate_size": None,
        "vocab_size": vocab_size,
        "layer_norm_epsilon": 1e-5,
        "rescale_every": 6,
        "context_length": 1024,
    }


def _num_layers(tensors: Tensors) -> int:
    return 1 + max(int(key.split(".")[1]) for key in tensors if key.startswith("blocks."))


def write_folder(
    folder: Path,
    tensors: Tensors,
    config: Mapping[str, object] | None = None,
    *,
    num_shards: int = 1,
    suffix: str = ".safetensors",
) -> Path:
    """A folder as ``save_pretrained`` leaves it."""
    folder.mkdir(exist_ok=True)
    stem = "model" if suffix == ".safetensors" else "pytorch_model"
    if num_shards == 1:
        write_file(folder / f"{stem}{suffix}", tensors)
    else:
        keys, weight_map = sorted(tensors), {}
        for number in range(num_shards):
            name = f"{stem}-{number + 1:05}-of-{num_shards:05}{suffix}"
            part = keys[number::num_shards]
            write_file(folder / name, {key: tensors[key] for key in part})
            weight_map |= dict.fromkeys(part, name)
        write_json(folder / f"{stem}{suffix}.index.json", {"weight_map": weight_map})
    if config is not None:
        write_json(folder / "config.json", config)
    return folder


def write_file(file: Path, tensors: Tensors) -> Path:
    if file.suffix == ".safetensors":
        save_file({key: x.contiguous() for key, x in tensors.items()}, file)
    else:
        torch.save(tensors, file)
    return file


def write_json(file: Path, content: Mapping[str, object]) -> Path:
    file.write_text(json.dumps(content))
    return file
