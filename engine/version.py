"""Tells the RWKV version of a checkpoint by its keys, and refuses what this engine cannot read."""

from longriver.engine.errors import WeightsError
from longriver.engine.weights import Tensors

OTHERS = (
    ("_strategy", "was converted by the `rwkv` package for one strategy; use the original file"),
    ("model.layers.0.attn.r_k", "is RWKV-7 in Hugging Face form; use BlinkDL's .pth of it"),
    ("rwkv.blocks.0.attention.time_decay", "is RWKV-4 in Hugging Face form; RWKV-7 is needed"),
    ("blocks.0.ffn.s_emb.weight", "is RWKV-7a (DeepEmbed), another network; RWKV-7 is needed"),
    ("blocks.0.ffn.enn.weight", "is an RWKV-8 preview, another network; RWKV-7 is needed"),
    ("blocks.0.att.time_maa_x", "is RWKV-6 (Finch); this version of longriver reads RWKV-7"),
    ("blocks.0.att.ln_x.weight", "is RWKV-5 (Eagle); this version of longriver reads RWKV-7"),
    ("blocks.0.att.time_mix_k", "is RWKV-4; this version of longriver reads RWKV-7"),
)
V7_KEY = "blocks.0.att.r_k"


def require_rwkv7(path: str, tensors: Tensors) -> None:
    """Raises ``WeightsError`` with one sentence on what the file is, unless it is RWKV-7."""
    if any(key.startswith("qkv.") or ".qkv." in key for key in tensors):
        raise WeightsError(f"model.path={path} is RWKV-7b (with attention); RWKV-7 is needed")
    for key, sentence in OTHERS:
        is_v7 = V7_KEY in tensors and key == "blocks.0.att.ln_x.weight"
        if key in tensors and not is_v7:
            raise WeightsError(f"model.path={path} {sentence}")
    if V7_KEY not in tensors:
        some = ", ".join(sorted(tensors)[:3]) or "none"
        raise WeightsError(
            f"model.path={path} is not an RWKV checkpoint: it has no {V7_KEY} (its keys: {some}, …)"
        )
