"""Which implementation a device and a number type get, and that it is said once."""

import logging

import pytest
import torch

from longriver.kernels import dispatch
from longriver.kernels.wkv4 import numba_cpu, torch_scan


def test_float32_on_cpu_runs_numba_and_all_else_runs_torch() -> None:
    assert dispatch.wkv4("cpu", torch.float32) is numba_cpu.wkv4
    assert dispatch.wkv4("cpu", torch.float64) is torch_scan.wkv4
    assert dispatch.wkv4("cuda", torch.float32) is torch_scan.wkv4


@pytest.mark.parametrize("op", ["wkv4", "wkv6", "wkv7"])
def test_an_op_gets_its_own_implementations(op: str) -> None:
    for device in ("cpu", "cuda"):
        assert getattr(dispatch, op)(device, torch.float32).__name__ == op


def test_the_choice_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=dispatch.logger.name):
        for _ in range(3):
            dispatch.wkv6("a device of this test", torch.float32)
    assert [record.message for record in caplog.records] == [
        "wkv6 on a device of this test in torch.float32: longriver.kernels.wkv6.torch_chunked"
    ]
