"""What ``auto`` comes to, and what is refused."""

import pytest
import torch

from longriver.engine.config import EngineConfig
from longriver.engine.errors import DeviceError
from longriver.engine.settings import resolve


def config(**values: object) -> EngineConfig:
    return EngineConfig.model_validate(values)


def test_auto_takes_the_gpu_in_bfloat16_where_there_is_one() -> None:
    settings = resolve(config(), has_cuda=True)
    assert (settings.device.type, settings.dtype) == ("cuda", torch.bfloat16)


def test_auto_is_float32_on_cpu() -> None:
    settings = resolve(config(), has_cuda=False)
    assert (settings.device.type, settings.dtype_name) == ("cpu", "float32")


def test_auto_is_one_thread() -> None:
    assert resolve(config(), has_cuda=False).num_threads == 1


def test_what_is_ordered_is_kept() -> None:
    settings = resolve(config(num_slots=3, tokens_per_step=7, num_threads=2), has_cuda=False)
    assert (settings.num_slots, settings.tokens_per_step, settings.num_threads) == (3, 7, 2)


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"engine\.device=cuda.*engine\.device=cpu"):
        resolve(config(device="cuda"), has_cuda=False)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_on_cpu_is_refused(dtype: str) -> None:
    with pytest.raises(DeviceError, match=f"engine.dtype={dtype} on CPU"):
        resolve(config(dtype=dtype), has_cuda=False)
