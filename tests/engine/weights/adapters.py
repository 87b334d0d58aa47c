"""LoRA adapters for tests: BlinkDL-style files, and folders as PEFT saves them."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from tests.engine.weights.conversions import Tensors, write_file, write_json

RANK = 4


def low_rank(weights: Iterable[str], shapes: Tensors, rank: int = RANK) -> Tensors:
    """Random ``lora_A`` [rank, in] and ``lora_B`` [out, rank] of weights, in RWKV-PEFT's names."""
    generator = torch.Generator().manual_seed(1)
    found: Tensors = {}
    for weight in weights:
        out, inside = shapes[weight].shape
        stem = weight.removesuffix(".weight")
        found[f"{stem}.lora_A"] = torch.randn(rank, inside, generator=generator) / inside**0.5
        found[f"{stem}.lora_B"] = torch.randn(out, rank, generator=generator) / rank**0.5
    return found


def peft_names(adapter: Tensors) -> Tensors:
    """The same pairs under the names that PEFT saves them with."""
    return {f"base_model.model.{key}{_weight(key)}": x for key, x in adapter.items()}


def _weight(key: str) -> str:
    return ".weight" if key.endswith((".lora_A", ".lora_B")) else ""


def peft_folder(folder: Path, adapter: Tensors, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    write_file(folder / "adapter_model.safetensors", peft_names(adapter))
    settings = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 8,
        "use_rslora": False,
        "use_dora": False,
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": ["r_proj", "key"],
        "base_model_name_or_path": "somewhere",
    }
    write_json(folder / "adapter_config.json", settings | config)
    return folder


def expected(weight: Tensor, adapter: Tensors, stem: str, scale: float) -> Tensor:
    """W + scale · B A, in float64."""
    A, B = adapter[f"{stem}.lora_A"].double(), adapter[f"{stem}.lora_B"].double()
    return weight.double() + scale * (B @ A)
