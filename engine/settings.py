"""Turns what an order says about the engine into what this machine will do."""

from dataclasses import dataclass

import torch

from longriver.engine.config import EngineConfig
from longriver.engine.errors import DeviceError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
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
    share_weights: bool

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
    if not on_gpu and dtype != "float32":
        raise DeviceError(
            f"engine.dtype={dtype} on CPU: CPUs run float32 only here (half precision is six times "
            "slower and less exact); use engine.dtype=float32, or engine.device=cuda"
        )
    slots, tokens = (GPU_SLOTS, GPU_TOKENS) if on_gpu else (CPU_SLOTS, CPU_TOKENS)
    return Settings(
        torch.device(device),
        DTYPES[dtype],
        slots if config.num_slots == "auto" else config.num_slots,
        tokens if config.tokens_per_step == "auto" else config.tokens_per_step,
        1 if config.num_threads == "auto" else config.num_threads,
        config.reproducible,
        config.share_weights and not on_gpu,
    )
