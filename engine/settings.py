"""Turns what an order says about the engine into what this machine will do."""

from dataclasses import dataclass

import torch

from longriver.engine.config import EngineConfig
from longriver.engine.errors import DeviceError
from longriver.kernels.int8_linear.onednn import is_available

DTYPES = {name: getattr(torch, name) for name in ("float32", "bfloat16", "float16", "int8")}
CPU_SLOTS, CPU_TOKENS = 16, 512
GPU_SLOTS, GPU_TOKENS = 128, 16384


@dataclass(frozen=True, slots=True)
class Settings:
    """An engine configuration with every ``auto`` decided."""

    device: torch.device
    dtype: torch.dtype
    num_slots: int
    tokens_per_step: int
    num_threads: int
    reproducible: bool

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def resolve(config: EngineConfig, *, has_cuda: bool | None = None) -> Settings:
    """Decides every ``auto``; ``has_cuda`` says whether there is a GPU (by default, looks).

    Raises:
        DeviceError: for a GPU that is not there, or a number type that the device is bad at.
    """
    has_cuda = torch.cuda.is_available() if has_cuda is None else has_cuda
    device = config.device if config.device != "auto" else "cuda" if has_cuda else "cpu"
    if device == "cuda" and not has_cuda:
        raise DeviceError(
            "engine.device=cuda, but this machine has no usable GPU (torch.cuda.is_available() is "
            "false); use engine.device=cpu, or install the CUDA build of torch and a driver"
        )
    on_gpu = device == "cuda"
    dtype = config.dtype if config.dtype != "auto" else "bfloat16" if on_gpu else "float32"
    _require_fitting(dtype, on_gpu)
    slots, tokens = (GPU_SLOTS, GPU_TOKENS) if on_gpu else (CPU_SLOTS, CPU_TOKENS)
    return Settings(
        torch.device(device),
        DTYPES[dtype],
        slots if config.num_slots == "auto" else config.num_slots,
        tokens if config.tokens_per_step == "auto" else config.tokens_per_step,
        1 if config.num_threads == "auto" else config.num_threads,
        config.reproducible,
    )


def _require_fitting(dtype: str, on_gpu: bool) -> None:
    if not on_gpu and dtype in ("bfloat16", "float16"):
        raise DeviceError(
            f"engine.dtype={dtype} on CPU: CPUs run float32 or int8 here (half precision is six "
            "times slower than float32 and less exact); use one of these, or engine.device=cuda"
        )
    if on_gpu and dtype == "int8":
        raise DeviceError(
            "engine.dtype=int8 on a GPU: it is for CPUs; use engine.dtype=bfloat16, or "
            "engine.device=cpu"
        )
    if dtype == "int8" and not is_available():
        raise DeviceError(
            "engine.dtype=int8 needs a torch that was built with oneDNN (MKL-DNN), which this one "
            "was not; use engine.dtype=float32"
        )
