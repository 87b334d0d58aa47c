"""Tensors with tags in a safetensors file, written at once or not at all, refused when damaged."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from longriver.engine.errors import StateError


def write_tagged(path: str | Path, tensors: Mapping[str, Tensor], tags: Mapping[str, str]) -> None:
    """Writes a file; one that was there is replaced when the new one is whole.

    Raises:
        StateError: it cannot be written.
    """
    file = Path(path)
    partial = file.with_name(f"{file.name}.partial-{os.getpid()}")
    try:
        save_file({key: x.cpu().contiguous() for key, x in tensors.items()}, partial, dict(tags))
        os.replace(partial, file)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise StateError(f"{path} cannot be written ({_line(error)}); see to the folder") from error


def read_tagged(
    path: str | Path, names: Iterable[str], tags: Mapping[str, str]
) -> dict[str, Tensor]:
    """Reads float32 tensors back, if the file's tags are these.

    Raises:
        StateError: no such file, not a whole one, or another tag; names both values.
    """
    try:
        with safe_open(str(path), framework="pt") as opened:
            _require_tags(path, opened.metadata() or {}, tags)
            found = {name: opened.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise StateError(
            f"{path} is not a whole state file ({_line(error)}); save the state again"
        ) from None
    for name, x in found.items():
        if x.dtype != torch.float32 or not bool(torch.isfinite(x).all()):
            raise damaged(path, f"{name} is {x.dtype} or not finite, finite float32 is needed")
    return found


def damaged(path: str | Path, what: str) -> StateError:
    return StateError(f"{path} is damaged ({what}); save the state again")


def _require_tags(path: str | Path, found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            raise StateError(
                f"{path} is a state with {name} {found.get(name, 'none')[:80]!r}, this model's is "
                f"{value!r}; load it with the model that made it"
            )


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]
