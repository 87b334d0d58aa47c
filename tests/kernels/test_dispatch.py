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


FUSED = ("head_gate", "head_nll", "layer_norm", "token_mix", "wkv7_inputs")


@pytest.mark.parametrize("op", FUSED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_activations_of_any_type_on_cuda_run_triton(op: str, dtype: torch.dtype) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    chosen = getattr(dispatch, op)("cuda", dtype)
    assert chosen.__name__ == op and chosen.__module__.rpartition(".")[2].startswith("triton_")


@pytest.mark.parametrize("op", FUSED)
def test_activations_of_16_bits_on_cpu_run_torch(op: str) -> None:
    module = getattr(dispatch, op)("cpu", torch.bfloat16).__module__
    assert module.rpartition(".")[2] in ("torch_any", "blocked")


def test_the_chunked_form_of_wkv7_is_taken_where_it_is_asked_for_only() -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    on_cuda = dispatch.wkv7("cuda", torch.float32, "chunked").__module__
    assert on_cuda == "longriver.kernels.wkv7.triton_chunked"
    on_cpu = dispatch.wkv7("cpu", torch.float32, "chunked").__module__
    assert on_cpu == "longriver.kernels.wkv7.torch_chunked"


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
