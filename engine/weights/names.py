"""From the names that Hugging Face gives to RWKV's tensors to BlinkDL's, without copying any.

Three conventions, each recognised by the key alone:

fla        ``model.layers.i.attn.r_proj.weight``, RWKV-7 (fla, utils/convert_from_rwkv7.py)
rwkv       ``rwkv.blocks.i.attention.key.weight``, RWKV-4 (transformers, models/rwkv) and the
           custom code of 5 and 6 (BBuf/RWKV-World-HF-Tokenizer, scripts/convert_rwkv*_to_hf.py)
BlinkDL    ``blocks.i.att.key.weight``
"""

import re
from collections.abc import Callable, Iterator

from torch import Tensor

from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors

View = Callable[[Tensor], Tensor]

STACKED_MIXES = "rwkvag"
"""Order of the rows of ``attn.x_x`` in old fla files (fla, modeling_rwkv7.py, load_state_dict)."""


def _same(x: Tensor) -> Tensor:
    return x


def _transposed(x: Tensor) -> Tensor:
    return x.T if x.ndim == 2 else x


def _as_mix(x: Tensor) -> Tensor:
    return x[None, None] if x.ndim == 1 else x


def _lora_names() -> dict[str, tuple[str, View]]:
    names: dict[str, tuple[str, View]] = {}
    for letter in "wvag":
        lora = f"attn.{letter}_lora.lora"
        names[f"{lora}.0.weight"] = (f"att.{letter}1", _transposed)
        names[f"{lora}.2.weight"] = (f"att.{letter}2", _transposed)
        names[f"{lora}.2.bias"] = (f"att.{letter}0", _as_mix)
    return names


FLA_TOP = {
    "embeddings.weight": "emb.weight",
    "norm.weight": "ln_out.weight",
    "norm.bias": "ln_out.bias",
    "lm_head.weight": "head.weight",
}
FLA_LAYER: dict[str, tuple[str, View]] = {
    **{
        f"{theirs}.{part}": (f"{ours}.{part}", _same)
        for theirs, ours in (
            ("pre_norm", "ln0"),
            ("attn_norm", "ln1"),
            ("ffn_norm", "ln2"),
            ("attn.g_norm", "att.ln_x"),
        )
        for part in ("weight", "bias")
    },
    "attn.r_proj.weight": ("att.receptance.weight", _same),
    "attn.k_proj.weight": ("att.key.weight", _same),
    "attn.v_proj.weight": ("att.value.weight", _same),
    "attn.o_proj.weight": ("att.output.weight", _same),
    **{f"attn.x_{letter}": (f"att.x_{letter}", _as_mix) for letter in STACKED_MIXES},
    "attn.k_k": ("att.k_k", _as_mix),
    "attn.k_a": ("att.k_a", _as_mix),
    "attn.r_k": ("att.r_k", _same),
    "ffn.x_k": ("ffn.x_k", _as_mix),
    "ffn.key.weight": ("ffn.key.weight", _same),
    "ffn.value.weight": ("ffn.value.weight", _same),
    **_lora_names(),
}
FLA_KEY = re.compile(r"(?:model\.)?layers\.(\d{1,6})\.(.+)")
STACKED_KEY = re.compile(r"(?:model\.)?layers\.(\d{1,6})\.attn\.x_x")

HF_PARTS = {
    "embeddings": "emb",
    "pre_ln": "ln0",
    "attention": "att",
    "feed_forward": "ffn",
    "time_mix_key": "time_mix_k",
    "time_mix_value": "time_mix_v",
    "time_mix_receptance": "time_mix_r",
    "time_mix_gate": "time_mix_g",
}


def renamed(key: str, x: Tensor) -> tuple[str, Tensor]:
    """BlinkDL's name and shape of a tensor, as a view; a name that is not known stays."""
    if key.startswith("rwkv."):
        return ".".join(HF_PARTS.get(part, part) for part in key.split(".")[1:]), x
    if match := FLA_KEY.fullmatch(key):
        if match[2] not in FLA_LAYER:
            return key, x
        name, view = FLA_LAYER[match[2]]
        return f"blocks.{match[1]}.{name}", view(x)
    return FLA_TOP.get(key.removeprefix("model."), key), x


def to_blinkdl(source: Source, tensors: Tensors) -> Tensors:
    """All tensors of a checkpoint under BlinkDL's names.

    Raises:
        WeightsError: two keys that come to the same name, or RWKV-6 as fla writes it.
    """
    found: Tensors = {}
    origins: dict[str, str] = {}
    for key, x in tensors.items():
        if key.endswith(".attn.bonus"):
            raise source.wrong("is RWKV-6 in fla's form; use BlinkDL's .pth of the same model")
        for name, view in _unstacked(source, key, x):
            if name in found:
                raise source.wrong(f"holds {name} twice, as {origins[name]} and as {key}")
            found[name], origins[name] = view, key
    return found


def _unstacked(source: Source, key: str, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    stacked = STACKED_KEY.fullmatch(key)
    if stacked is None:
        yield renamed(key, x)
        return
    if x.ndim != 2 or x.shape[0] != len(STACKED_MIXES):
        raise source.wrong(f"has {key} of shape {tuple(x.shape)}, [6, D] is needed")
    for row, letter in zip(x, STACKED_MIXES, strict=True):
        yield f"blocks.{stacked[1]}.att.x_{letter}", row[None, None]
