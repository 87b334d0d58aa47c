"""Picks the implementation of an op for a device, and says so once."""

import functools
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
    is_float32_on_cpu = device_type == "cpu" and dtype == torch.float32
    chosen = (FLOAT32_ON_CPU if is_float32_on_cpu else ANYWHERE)[op]
    logger.info("%s on %s in %s: %s", op, device_type, dtype, chosen.__module__)
    return chosen
