"""PyPI `rwkv` as a module, with the switches that it reads from the environment at import."""

import contextlib
import functools
import importlib.util
import io
import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

from longriver.engine.version import Version


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keeps what the package prints and warns of to itself."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rwkv_package(version: Version, *, has_script: bool) -> ModuleType:
    """`rwkv.model`, whose ``RWKV`` reads a version; ``has_script`` compiles it by TorchScript."""
    return _package("1" if version == Version.V7 else "0", "1" if has_script else "0")


@functools.cache
def _package(is_v7: str, has_script: str) -> ModuleType:
    os.environ.update(RWKV_V7_ON=is_v7, RWKV_JIT_ON=has_script, RWKV_CUDA_ON="0")
    spec = importlib.util.find_spec("rwkv.model")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where TorchScript looks for the source
    with silence():
        spec.loader.exec_module(module)
    return module
