"""Which implementation a device and a number type get, and that it is said once."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from longriver.kernels import dispatch
from longriver.kernels.wkv4 import numba_cpu, torch_scan
from tests.kernels.ops import OPS, Op

ROOT = Path(__file__).parents[2]


def test_float32_on_cpu_runs_numba_and_all_else_runs_torch() -> None:
    assert dispatch.wkv4("cpu", torch.float32) is numba_cpu.wkv4
    assert dispatch.wkv4("cpu", torch.float64) is torch_scan.wkv4
    assert dispatch.wkv4("cuda", torch.float64) is torch_scan.wkv4


@pytest.mark.parametrize("op", OPS, ids=str)
def test_float32_on_cuda_runs_triton_where_it_is_installed(op: Op) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    assert getattr(dispatch, op.name)("cuda", torch.float32) is op.triton


TORCH_FORMS = ("wkv4.torch_scan", "wkv6.torch_chunked", "wkv7.torch_chunked")

WITHOUT_TRITON = """
import sys
sys.modules["triton"] = None
import torch
from longriver.kernels import dispatch
for op in (dispatch.wkv4, dispatch.wkv6, dispatch.wkv7):
    print(op("cuda", torch.float32).__module__)
"""


def test_float32_on_cuda_runs_torch_where_triton_is_not_installed() -> None:
    command = [sys.executable, "-c", WITHOUT_TRITON]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"longriver.kernels.{form}" for form in TORCH_FORMS]


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
