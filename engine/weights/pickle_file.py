"""Reads PyTorch's zip files of pickled tensors: nothing in them is run, nothing is unpacked."""

import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from longriver.engine.weights.source import Source, first_line

MAX_PICKLE_BYTES = 64 << 20
"""Of the names and shapes alone; those of the largest RWKV have less than one."""

CONVERTED = "_strategy"
"""Where the `rwkv` package says what it converted a file for, in words."""

WAY_OUT = "longriver reads BlinkDL's .pth and .safetensors files and Hugging Face folders"


def read_pickle(source: Source, file: Path) -> dict[str, Tensor]:
    """All tensors of a ``.pth`` or ``.bin`` file, memory-mapped.

    Raises:
        WeightsError: for a file that is damaged, no checkpoint, compressed, or holds code.
        OSError: it cannot be read.
    """
    _judge_archive(source, file)
    try:
        with warnings.catch_warnings(action="ignore"):  # of TorchScript, which is refused anyway
            content = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise source.wrong(
            f"holds a pickle with more than tensors ({_culprit(error)}); nothing of it was run, "
            "nor will be: convert it to safetensors where you trust it"
        ) from None
    except OSError:
        raise
    except Exception as error:  # the unpickler stumbles over damage in every way there is
        raise source.wrong(
            f"is a damaged PyTorch checkpoint ({first_line(error)}); download it again"
        ) from None
    return _only_tensors(source, content)


def _judge_archive(source: Source, file: Path) -> None:
    """Refuses archives that would be unpacked into more memory than the file has bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except OSError:
        raise
    except Exception:  # of damaged archives, zipfile raises what it stumbles over
        raise source.wrong(
            "is not a whole PyTorch checkpoint (no zip archive at its end: truncated, or another "
            "kind of file); download it again, or name a .pth or .safetensors file"
        ) from None
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise source.wrong("is a compressed archive, which PyTorch never writes; download it again")
    pickled = sum(m.file_size for m in members if m.filename.endswith(".pkl"))
    if sum(m.file_size for m in members) > file.stat().st_size or pickled > MAX_PICKLE_BYTES:
        raise source.wrong("says that it holds more than it can; download it again")


def _only_tensors(source: Source, content: object) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise source.wrong(f"holds a {type(content).__name__}, no named tensors; {WAY_OUT}")
    if CONVERTED in content:
        raise source.wrong(
            "was converted by the `rwkv` package for one strategy; use the original file"
        )
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise source.wrong(
                f"has an entry {repr(key)[:80]} that is a {type(value).__name__}, no tensor; "
                f"{WAY_OUT}"
            )
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise source.wrong(f"has {key[:80]!r} as no plain tensor of numbers; {WAY_OUT}")
    return {key: value.detach() for key, value in content.items()}


def _culprit(error: Exception) -> str:
    """The sentence that names what is not allowed, without torch's advice to allow it."""
    sentences = str(error).replace("\n", ". ").split(". ")
    named = [sentence for sentence in sentences if "GLOBAL" in sentence or "global" in sentence]
    return " ".join((named or sentences)[0].split())[:160]
