"""Picks the implementation of an op for a device, and says so once."""

import functools
import importlib
import importlib.util
import logging
from collections.abc import Callable

import torch
from torch import Tensor

from longriver.kernels.token_mix import numba_cpu as token_mix_numba
from longriver.kernels.token_mix import torch_any as token_mix_torch
from longriver.kernels.wkv4 import numba_cpu as wkv4_numba
from longriver.kernels.wkv4 import torch_scan as wkv4_torch
from longriver.kernels.wkv6 import numba_cpu as wkv6_numba
from longriver.kernels.wkv6 import torch_chunked as wkv6_torch
from longriver.kernels.wkv7 import numba_cpu as wkv7_numba
from longriver.kernels.wkv7 import torch_chunked as wkv7_torch

logger = logging.getLogger(__name__)

Wkv = Callable[..., Tensor]

FLOAT32_ON_CPU: dict[str, Wkv] = {
    "token_mix": token_mix_numba.token_mix,
    "wkv4": wkv4_numba.wkv4,
    "wkv6": wkv6_numba.wkv6,
    "wkv7": wkv7_numba.wkv7,
}
ANYWHERE: dict[str, Wkv] = {
    "token_mix": token_mix_torch.token_mix,
    "wkv4": wkv4_torch.wkv4,
    "wkv6": wkv6_torch.wkv6,
    "wkv7": wkv7_torch.wkv7,
}


def token_mix(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the token shift for a device type (``cpu``, ``cuda``) and type of activations."""
    return _choose("token_mix", device_type, dtype)


def wkv4(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the WKV-4 implementation for a device type (``cpu``, ``cuda``) and number type."""
    return _choose("wkv4", device_type, dtype)


def wkv6(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the WKV-6 implementation, like ``wkv4``."""
    return _choose("wkv6", device_type, dtype)


def wkv7(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the WKV-7 implementation, like ``wkv4``."""
    return _choose("wkv7", device_type, dtype)


@functools.cache
def _choose(op: str, device_type: str, dtype: torch.dtype) -> Wkv:
    chosen = ANYWHERE[op]
    if dtype == torch.float32 and device_type == "cpu":
        chosen = FLOAT32_ON_CPU[op]
    if dtype == torch.float32 and device_type == "cuda" and importlib.util.find_spec("triton"):
        chosen = _triton(op)
    logger.info("%s on %s in %s: %s", op, device_type, dtype, chosen.__module__)
    return chosen


def _triton(op: str) -> Wkv:
    # not at the top, as Triton comes with CUDA builds of torch only
    module = importlib.import_module(f"longriver.kernels.{op}.triton_recurrent")
    chosen: Wkv = getattr(module, op)
    return chosen
