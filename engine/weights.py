"""Opens a checkpoint file without running any code in it, and says what it is."""

import hashlib
import pickle
import zipfile
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from longriver.engine.errors import WeightsError

Tensors = dict[str, Tensor]

DEMO = "demo"
BLINKDL_FORMATS = "longriver reads RWKV-7 in BlinkDL's .pth or .safetensors form"


def locate(path: str) -> Path:
    """The file behind ``model.path``; ``demo`` is the embedded model."""
    if path == DEMO:
        return Path(str(resources.files("longriver.engine.demo") / "demo.safetensors"))
    file = Path(path).expanduser()
    if not file.exists():
        raise WeightsError(f"model.path={path} does not exist; name a .pth or .safetensors file")
    if file.is_dir():
        raise WeightsError(f"model.path={path} is a folder; {BLINKDL_FORMATS}, one file")
    return file


def absolute(path: str) -> str:
    """``model.path`` for a process in another working directory."""
    return path if path == DEMO else str(locate(path).resolve())


def fingerprint(path: str) -> str:
    """sha256 (hex) of the checkpoint file."""
    with locate(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tensors(path: str) -> Tensors:
    """Reads all tensors of a checkpoint, memory-mapped where the format allows it.

    Raises:
        WeightsError: for a file that is missing, damaged, no checkpoint, or a pickle with code.
    """
    file = locate(path)
    try:
        if file.suffix == ".safetensors":
            return _read_safetensors(path, file)
        return _read_pth(path, file)
    except OSError as error:
        raise WeightsError(
            f"model.path={path} cannot be read ({error.strerror or error}); see to the file"
        ) from error


def _read_safetensors(path: str, file: Path) -> Tensors:
    try:
        with safe_open(file, framework="pt") as opened:
            return {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  # safe_open is no dict and cannot be iterated
    except SafetensorError as error:
        raise WeightsError(
            f"model.path={path} is not a whole safetensors file ({_first_line(error)}); "
            "download it again"
        ) from None


def _read_pth(path: str, file: Path) -> Tensors:
    if not _is_zip(file):
        raise WeightsError(
            f"model.path={path} is not a whole PyTorch checkpoint (no zip archive at its end: "
            "truncated, or another kind of file); download it again, or name a .pth or "
            ".safetensors file"
        )
    try:
        content = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"model.path={path} holds a pickle with more than tensors ({_culprit(error)}); nothing "
            "of it was run, nor will be: convert it to safetensors where you trust it"
        ) from None
    except OSError:
        raise
    except Exception as error:  # the unpickler stumbles over damage in every way there is
        raise WeightsError(
            f"model.path={path} is a damaged PyTorch checkpoint ({_first_line(error)}); "
            "download it again"
        ) from None
    return _only_tensors(path, content)


def _is_zip(file: Path) -> bool:
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:
        return False


def _only_tensors(path: str, content: object) -> Tensors:
    if not isinstance(content, dict):
        raise WeightsError(
            f"model.path={path} holds a {type(content).__name__}, no named tensors; "
            f"{BLINKDL_FORMATS}"
        )
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WeightsError(
                f"model.path={path}: entry {key!r} is a {type(value).__name__}, no tensor; "
                f"{BLINKDL_FORMATS}"
            )
    return content


def _culprit(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if "GLOBAL" in line or "global" in line]
    return " ".join((lines or [str(error).splitlines()[0]])[0].split())[:160]


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]
