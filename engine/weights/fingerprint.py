"""A checkpoint in 64 letters: the same content gives the same, wherever and however it is named."""

import hashlib
from pathlib import Path

from longriver.engine.config import ModelConfig
from longriver.engine.weights.folder import ADAPTER_CONFIG, layout
from longriver.engine.weights.peft_config import read_peft_config
from longriver.engine.weights.place import locate
from longriver.engine.weights.source import Source, first_line


def fingerprint(model: ModelConfig) -> str:
    """sha256 (hex) over all that makes the weights; of a single file alone, that file's.

    Names do not count, nor does ``config.json``, which only states what the tensors must be.

    Raises:
        WeightsError: a file is missing or cannot be read.
    """
    base = Source("model.path", model.path)
    files = _digests(base, locate(model.path))
    extras = [*_adapter_lines(model), *_state_lines(model)]
    if model.group_norm_eps is not None:
        extras.append(f"group_norm_eps {model.group_norm_eps!r}")
    if len(files) == 1 and not extras:
        return files[0]
    lines = [*(f"weights {digest}" for digest in files), *extras]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _adapter_lines(model: ModelConfig) -> list[str]:
    if model.lora is None:
        return []
    source, place = Source("model.lora", model.lora), locate(model.lora, "model.lora")
    lines = [f"lora {digest}" for digest in _digests(source, place)]
    config = layout(source, place).config
    if config is not None:
        peft = read_peft_config(source.within(ADAPTER_CONFIG), config)
        return [*lines, f"lora_config {peft.canonical()}"]
    return [*lines, f"lora_alpha {model.lora_alpha!r}"]


def _state_lines(model: ModelConfig) -> list[str]:
    if model.state is None:
        return []
    source = Source("model.state", model.state)
    return [f"state {digest}" for digest in _digests(source, locate(model.state, "model.state"))]


def _digests(source: Source, place: Path) -> list[str]:
    files = layout(source, place).files
    return sorted(_digest(source.within(name), file) for name, file in files.items())


def _digest(source: Source, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise source.wrong(
            f"cannot be read ({error.strerror or first_line(error)}); see to the file"
        ) from error
