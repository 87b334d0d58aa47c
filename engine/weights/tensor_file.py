"""Reads the tensors of one file, memory-mapped, without running any code in it."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from longriver.engine.weights.pickle_file import read_pickle
from longriver.engine.weights.source import Source, first_line

Tensors = dict[str, Tensor]

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *PICKLES)
MAX_NAME = 300


def read_tensor_file(source: Source, file: Path) -> Tensors:
    """All tensors of a ``.safetensors`` file, or of a PyTorch file of any other name.

    Raises:
        WeightsError: for a file that is missing, damaged, no checkpoint, or a pickle with code.
    """
    try:
        if not file.is_file():
            raise source.wrong("is no file; see to it")
        if file.suffix == ".safetensors":
            return _judged(source, _read_safetensors(source, file))
        return _judged(source, read_pickle(source, file))
    except OSError as error:
        raise source.wrong(
            f"cannot be read ({error.strerror or first_line(error)}); see to the file"
        ) from error


def _read_safetensors(source: Source, file: Path) -> Tensors:
    try:
        with safe_open(file, framework="pt") as opened:
            keys = opened.keys()  # it is no dict, and cannot be iterated itself
            return {key: opened.get_tensor(key) for key in keys}
    except SafetensorError as error:
        raise source.wrong(
            f"is not a whole safetensors file ({first_line(error)}); download it again"
        ) from None
    except OSError:
        raise
    except Exception as error:  # number types that this torch does not know
        raise source.wrong(
            f"is a safetensors file that cannot be read ({first_line(error)}); convert it to "
            "bfloat16"
        ) from None


def _judged(source: Source, tensors: Tensors) -> Tensors:
    """Names go into messages, so they must be fit for one line; shapes must have numbers behind."""
    for name, x in tensors.items():
        if not name.isprintable() or len(name) > MAX_NAME:
            raise source.wrong(f"has a tensor with the name {name[:80]!r}; no RWKV file has such")
        if x.numel() * x.element_size() > x.untyped_storage().nbytes():
            raise source.wrong(
                f"has {name} of shape {tuple(x.shape)}, more than the numbers that are there; "
                "download it again"
            )
    return tensors
