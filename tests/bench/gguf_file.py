"""RWKV-7 in llama.cpp's format GGUF, as its own converter writes BlinkDL's checkpoints."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

NORMS = {"ln1": "attn_norm", "ln2": "attn_norm_2", "att.ln_x": "time_mix_ln"}
MATRICES = {
    "att.receptance": "time_mix_receptance",
    "att.key": "time_mix_key",
    "att.value": "time_mix_value",
    "att.output": "time_mix_output",
    "ffn.key": "channel_mix_key",
    "ffn.value": "channel_mix_value",
}
LERPS = "rwkvag"
"""The order in which llama.cpp has the six token shifts of a time mix."""


def write(tensors: dict[str, Tensor], path: Path, kind: str) -> Path:
    """Writes a checkpoint without a vocabulary.

    Args:
        tensors: RWKV-7's under BlinkDL's names.
        kind: of the large matrices, ``F32``, ``F16`` or ``Q8_0``; all else is float32.
    """
    import gguf

    writer = gguf.GGUFWriter(path, "rwkv7")
    _write_sizes(writer, tensors)
    for name, tensor in _renamed(tensors).items():
        data = tensor.float().numpy()
        is_matrix = any(name.endswith(f"{end}.weight") for end in ("output", *MATRICES.values()))
        if not is_matrix and name != "token_embd.weight":
            writer.add_tensor(name, data)
            continue
        ggml = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(data, ggml), raw_dtype=ggml)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_sizes(writer: Any, tensors: dict[str, Tensor]) -> None:
    vocab_size, width = tensors["emb.weight"].shape
    writer.add_context_length(1 << 20)
    writer.add_embedding_length(width)
    writer.add_block_count(sum(key.endswith(".ln1.weight") for key in tensors))
    writer.add_feed_forward_length(len(tensors["blocks.0.ffn.key.weight"]))
    writer.add_layer_norm_eps(1e-5)
    writer.add_wkv_head_size(tensors["blocks.0.att.r_k"].shape[1])
    writer.add_decay_lora_rank(tensors["blocks.1.att.w1"].shape[1])
    writer.add_iclr_lora_rank(tensors["blocks.1.att.a1"].shape[1])
    writer.add_value_residual_mix_lora_rank(tensors["blocks.1.att.v1"].shape[1])
    writer.add_gate_lora_rank(tensors["blocks.1.att.g1"].shape[1])
    writer.add_head_count(0)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(vocab_size)


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {
        "token_embd.weight": tensors["emb.weight"],
        "output.weight": tensors["head.weight"],
        **_norm(tensors, "blocks.0.ln0", "token_embd_norm"),
        **_norm(tensors, "ln_out", "output_norm"),
    }
    for layer in range(sum(key.endswith(".ln1.weight") for key in tensors)):
        found |= _layer(tensors, f"blocks.{layer}", f"blk.{layer}")
    return found


def _norm(tensors: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    return {f"{ours}.{part}": tensors[f"{theirs}.{part}"] for part in ("weight", "bias")}


def _layer(tensors: dict[str, Tensor], block: str, blk: str) -> dict[str, Tensor]:
    att = f"{block}.att"
    found = {
        f"{blk}.time_mix_lerp_fused.weight": torch.stack(
            [tensors[f"{att}.x_{letter}"] for letter in LERPS]
        ),
        f"{blk}.channel_mix_lerp_k.weight": tensors[f"{block}.ffn.x_k"],
    }
    for theirs, ours in NORMS.items():
        found |= _norm(tensors, f"{block}.{theirs}", f"{blk}.{ours}")
    for theirs, ours in MATRICES.items():
        found[f"{blk}.{ours}.weight"] = tensors[f"{block}.{theirs}.weight"]
    for name in ("k_k", "k_a", "r_k"):
        found[f"{blk}.time_mix_{name}.weight"] = tensors[f"{att}.{name}"].flatten()
    for letter in "wavg":
        # llama.cpp wants a first layer's v and does not read it
        source = "a" if letter == "v" and f"{att}.v1" not in tensors else letter
        for part in "12":
            found[f"{blk}.time_mix_{letter}{part}.weight"] = tensors[f"{att}.{source}{part}"].T
        if letter != "g":
            found[f"{blk}.time_mix_{letter}0.weight"] = tensors[f"{att}.{source}0"].flatten()
    return found
