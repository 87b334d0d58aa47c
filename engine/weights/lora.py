"""Reads LoRA files: those of RWKV-LM-LoRA and RWKV-PEFT, and folders of Hugging Face's PEFT."""

from pathlib import Path

from longriver.engine.weights.adapter import Adapter, LowRank, pairs, refuse_foreign
from longriver.engine.weights.base import read_files
from longriver.engine.weights.folder import ADAPTER_CONFIG, layout
from longriver.engine.weights.peft_config import PeftConfig, read_peft_config
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors

BLINKDL_ENDS = (".lora_A", ".lora_B")
PEFT_ENDS = (".lora_A.weight", ".lora_B.weight")
PEFT_PREFIX = "base_model.model."
WRAPPERS = (".modules_to_save", ".base_layer")
"""What PEFT writes into the names of tensors that it replaces or adapts."""


def read_adapter(source: Source, place: Path, alpha: float | None) -> Adapter:
    """The adapter in a file or folder.

    Args:
        alpha: ``model.lora_alpha``, which files need and folders forbid.

    Raises:
        WeightsError: names the file and the key.
    """
    found = layout(source, place)
    if found.config is not None:
        config = read_peft_config(source.within(ADAPTER_CONFIG), found.config)
        if alpha is not None:
            raise source.wrong(f"says its own alpha, {config.alpha:g}; leave model.lora_alpha out")
        return _of_peft(source, read_files(source, found), config)
    tensors = read_files(source, found)
    if any(key.startswith(PEFT_PREFIX) for key in tensors):
        raise source.wrong(f"is of a PEFT folder; name the folder, with {ADAPTER_CONFIG} inside")
    if alpha is None:
        raise source.wrong("does not say its alpha; set model.lora_alpha as it was trained with")
    return _of_blinkdl(source, tensors, alpha)


def _of_blinkdl(source: Source, tensors: Tensors, alpha: float) -> Adapter:
    """W + alpha / rank · B A; all other tensors take the place of the checkpoint's
    (RWKV-PEFT, merge/merge_lora.py)."""
    refuse_foreign(source, tensors)
    updates = tuple(
        LowRank(stem, f"{stem}.weight", A, B, alpha / A.shape[0])
        for stem, (A, B) in pairs(source, tensors, BLINKDL_ENDS).items()
    )
    return _adapter(source, updates, tensors, BLINKDL_ENDS)


def _of_peft(source: Source, tensors: Tensors, config: PeftConfig) -> Adapter:
    plain = {_plain(key): x for key, x in tensors.items()}
    if len(plain) < len(tensors):
        raise source.wrong("holds a tensor twice, once as it is and once in PEFT's wrapping")
    refuse_foreign(source, plain)
    updates = tuple(
        LowRank(stem, f"{stem}.weight", A, B, config.scale(source, stem, A.shape[0]))
        for stem, (A, B) in pairs(source, plain, PEFT_ENDS).items()
    )
    return _adapter(source, updates, plain, PEFT_ENDS)


def _plain(key: str) -> str:
    key = key.removeprefix(PEFT_PREFIX)
    for wrapper in WRAPPERS:
        key = key.replace(wrapper, "")
    return key


def _adapter(
    source: Source, updates: tuple[LowRank, ...], tensors: Tensors, ends: tuple[str, str]
) -> Adapter:
    replaced = {key: x for key, x in tensors.items() if not key.endswith(ends)}
    odd = next((key for key in replaced if "lora_" in key), None)
    if odd is not None:
        raise source.wrong(f"holds {odd}, a kind of LoRA that is not known here")
    if not updates and not replaced:
        raise source.wrong("holds nothing; name a file with lora_A and lora_B")
    if not updates:
        some = ", ".join(sorted(replaced)[:3])
        raise source.wrong(f"holds no lora_A and lora_B (its keys: {some}, …); name a LoRA file")
    return Adapter(source, updates, replaced)
