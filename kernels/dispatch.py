"""Picks the implementation of an op for a device, and says so once."""

import functools
import logging
from collections.abc import Callable

import torch
from torch import Tensor

from longriver.kernels.wkv7 import numba_cpu, torch_chunked

logger = logging.getLogger(__name__)

Wkv7 = Callable[..., Tensor]


@functools.cache
def wkv7(device_type: str, dtype: torch.dtype) -> Wkv7:
    """Returns the WKV-7 implementation for a device type (``cpu``, ``cuda``) and number type."""
    if device_type == "cpu" and dtype == torch.float32:
        chosen: Wkv7 = numba_cpu.wkv7
    else:
        chosen = torch_chunked.wkv7
    logger.info("wkv7 on %s in %s: %s", device_type, dtype, chosen.__module__)
    return chosen
