"""Picks the implementation of an op for a device, and says so once."""

import functools
import importlib
import importlib.util
import logging
import os
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from longriver.kernels.head_gate import numba_cpu as head_gate_numba
from longriver.kernels.head_gate import torch_any as head_gate_torch
from longriver.kernels.layer_norm import torch_any as layer_norm_torch
from longriver.kernels.linear import float32_cpu as linear_cpu
from longriver.kernels.nll import blocked as nll_blocked
from longriver.kernels.nll import numba_cpu as nll_numba
from longriver.kernels.pool import numba_cpu as pool_numba
from longriver.kernels.pool import torch_any as pool_torch
from longriver.kernels.token_mix import numba_cpu as token_mix_numba
from longriver.kernels.token_mix import torch_any as token_mix_torch
from longriver.kernels.wkv4 import numba_cpu as wkv4_numba
from longriver.kernels.wkv4 import torch_scan as wkv4_torch
from longriver.kernels.wkv6 import numba_cpu as wkv6_numba
from longriver.kernels.wkv6 import torch_chunked as wkv6_torch
from longriver.kernels.wkv7 import numba_cpu as wkv7_numba
from longriver.kernels.wkv7 import torch_chunked as wkv7_torch
from longriver.kernels.wkv7_inputs import numba_cpu as wkv7_inputs_numba
from longriver.kernels.wkv7_inputs import torch_any as wkv7_inputs_torch
from longriver.kernels.wkv7_inputs.parts import Inputs

logger = logging.getLogger(__name__)

Op = Callable[..., Any]
Wkv = Callable[..., Tensor]
Form = Literal["recurrent", "chunked"]

FLOAT32_ON_CPU: dict[str, Op] = {
    "head_gate": head_gate_numba.head_gate,
    "head_nll": nll_numba.head_nll,
    "linear": linear_cpu.linear,
    "pool": pool_numba.pool,
    "token_mix": token_mix_numba.token_mix,
    "wkv4": wkv4_numba.wkv4,
    "wkv6": wkv6_numba.wkv6,
    "wkv7": wkv7_numba.wkv7,
    "wkv7_inputs": wkv7_inputs_numba.wkv7_inputs,
}
ANYWHERE: dict[str, Op] = {
    "head_gate": head_gate_torch.head_gate,
    "head_nll": nll_blocked.head_nll,
    "layer_norm": layer_norm_torch.layer_norm,
    "linear": linear_cpu.torch_linear,
    "pool": pool_torch.pool,
    "token_mix": token_mix_torch.token_mix,
    "wkv4": wkv4_torch.wkv4,
    "wkv6": wkv6_torch.wkv6,
    "wkv7": wkv7_torch.wkv7,
    "wkv7 chunked": wkv7_torch.wkv7,
    "wkv7_inputs": wkv7_inputs_torch.wkv7_inputs,
}
INTERPRETS = os.environ.get("TRITON_INTERPRET") == "1"
"""As Triton itself reads it, once."""

ACTIVATIONS = (torch.float32, torch.bfloat16, torch.float16)
ON_CUDA: dict[str, tuple[str, tuple[torch.dtype, ...]]] = {
    "head_gate": ("head_gate.triton_fused", ACTIVATIONS),
    "head_nll": ("nll.triton_head", ACTIVATIONS),
    "layer_norm": ("layer_norm.triton_fused", ACTIVATIONS),
    "token_mix": ("token_mix.triton_fused", ACTIVATIONS),
    "wkv4": ("wkv4.triton_recurrent", (torch.float32,)),
    "wkv6": ("wkv6.triton_recurrent", (torch.float32,)),
    "wkv7": ("wkv7.triton_recurrent", (torch.float32,)),
    "wkv7 chunked": ("wkv7.triton_chunked", (torch.float32,)),
    "wkv7_inputs": ("wkv7_inputs.triton_fused", ACTIVATIONS),
}
"""Modules with a Triton form, and the number types that they are asked for."""


def head_gate(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns what norms and gates heads, for a device type and type of activations."""
    return _choose("head_gate", device_type, dtype)


def head_nll(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the output head with its log-likelihoods, like ``head_gate``."""
    return _choose("head_nll", device_type, dtype)


def layer_norm(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the LayerNorm of rows, like ``head_gate``."""
    return _choose("layer_norm", device_type, dtype)


def linear(device_type: str, dtype: torch.dtype) -> Callable[..., Tensor]:
    """Returns the product with a matrix [out, in], like ``head_gate``."""
    return _choose("linear", device_type, dtype)


def pool(device_type: str, dtype: torch.dtype) -> Callable[..., None]:
    """Returns what adds weighted rows to sums, for a device type and type of rows."""
    return _choose("pool", device_type, dtype)


def token_mix(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the token shift for a device type (``cpu``, ``cuda``) and type of activations."""
    return _choose("token_mix", device_type, dtype)


def wkv4(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the WKV-4 implementation for a device type (``cpu``, ``cuda``) and number type."""
    return _choose("wkv4", device_type, dtype)


def wkv6(device_type: str, dtype: torch.dtype) -> Wkv:
    """Returns the WKV-6 implementation, like ``wkv4``."""
    return _choose("wkv6", device_type, dtype)


def wkv7(device_type: str, dtype: torch.dtype, form: Form = "recurrent") -> Wkv:
    """Returns the WKV-7 implementation, like ``wkv4``.

    Args:
        form: ``chunked`` works on spans of tokens, which is for few long documents on CUDA, and
            gives other bits for other splits; no network asks for it.
    """
    return _choose("wkv7" if form == "recurrent" else "wkv7 chunked", device_type, dtype)


def wkv7_inputs(device_type: str, dtype: torch.dtype) -> Callable[..., Inputs]:
    """Returns what makes WKV-7's inputs of projections, like ``head_gate``."""
    return _choose("wkv7_inputs", device_type, dtype)


@functools.cache
def _choose(op: str, device_type: str, dtype: torch.dtype) -> Op:
    chosen = ANYWHERE[op]
    if dtype == torch.float32 and device_type == "cpu":
        chosen = FLOAT32_ON_CPU.get(op, chosen)
    module, dtypes = ON_CUDA.get(op, ("", ()))
    if _runs_triton(device_type) and dtype in dtypes:
        chosen = _triton(module, chosen.__name__)
    logger.info("%s on %s in %s: %s", op, device_type, dtype, chosen.__module__)
    return chosen


def _runs_triton(device_type: str) -> bool:
    """On CUDA; and on CPU while Triton interprets, which is slow, and how its path is tested."""
    on_device = device_type == "cuda" or (device_type == "cpu" and INTERPRETS)
    return on_device and importlib.util.find_spec("triton") is not None


def _triton(module: str, op: str) -> Op:
    # not at the top, as Triton comes with CUDA builds of torch only
    chosen: Op = getattr(importlib.import_module(f"longriver.kernels.{module}"), op)
    return chosen
