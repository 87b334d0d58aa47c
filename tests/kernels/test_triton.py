"""The Triton kernels without a GPU: interpreted, and compiled for the GPUs that they are for."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="Triton's compiler is installed on Linux on x86-64 only",
)

MOST = {
    ("wkv4", "float32", 80): (55, 175, 0),
    ("wkv4", "float32", 90): (54, 175, 0),
    ("wkv4", "bfloat16", 80): (56, 179, 0),
    ("wkv4", "bfloat16", 90): (56, 179, 0),
    ("wkv6", "float32", 80): (128, 302, 0),
    ("wkv6", "float32", 90): (120, 228, 0),
    ("wkv6", "bfloat16", 80): (96, 310, 0),
    ("wkv6", "bfloat16", 90): (118, 234, 0),
    ("wkv6 of RWKV-5", "float32", 80): (96, 304, 0),
    ("wkv6 of RWKV-5", "float32", 90): (100, 229, 0),
    ("wkv6 of RWKV-5", "bfloat16", 80): (96, 310, 0),
    ("wkv6 of RWKV-5", "bfloat16", 90): (96, 237, 0),
    ("wkv7", "float32", 80): (128, 439, 0),
    ("wkv7", "float32", 90): (132, 312, 0),
    ("wkv7", "bfloat16", 80): (96, 449, 0),
    ("wkv7", "bfloat16", 90): (106, 322, 0),
    ("wkv7 of a network", "bfloat16", 80): (96, 444, 0),
    ("wkv7 of a network", "bfloat16", 90): (100, 318, 0),
    ("wkv7 in spans of tf32", "float32", 80): (136, 15, 68),
    ("wkv7 in spans of tf32", "float32", 90): (134, 15, 68),
    ("wkv7 in spans of tf32x3", "float32", 80): (245, 15, 204),
    ("wkv7 in spans of tf32x3", "float32", 90): (239, 15, 204),
    ("wkv7, walk in tf32", "float32", 80): (128, 277, 40),
    ("wkv7, walk in tf32", "float32", 90): (118, 222, 36),
    ("wkv7, walk in tf32x3", "float32", 80): (216, 1014, 120),
    ("wkv7, walk in tf32x3", "float32", 90): (224, 948, 108),
    ("wkv7_inputs", "float32", 80): (48, 1, 0),
    ("wkv7_inputs", "float32", 90): (48, 1, 0),
    ("wkv7_inputs", "bfloat16", 80): (64, 1, 0),
    ("wkv7_inputs", "bfloat16", 90): (64, 1, 0),
    ("wkv7_inputs of layer 0", "float32", 80): (48, 1, 0),
    ("wkv7_inputs of layer 0", "float32", 90): (48, 1, 0),
    ("wkv7_inputs of layer 0", "bfloat16", 80): (62, 1, 0),
    ("wkv7_inputs of layer 0", "bfloat16", 90): (62, 1, 0),
    ("token_mix of 1", "float32", 80): (56, 12, 0),
    ("token_mix of 1", "float32", 90): (56, 12, 0),
    ("token_mix of 1", "bfloat16", 80): (32, 12, 0),
    ("token_mix of 1", "bfloat16", 90): (32, 12, 0),
    ("token_mix of 6", "float32", 80): (64, 12, 0),
    ("token_mix of 6", "float32", 90): (64, 12, 0),
    ("token_mix of 6", "bfloat16", 80): (62, 12, 0),
    ("token_mix of 6", "bfloat16", 90): (63, 12, 0),
    ("head_gate", "float32", 80): (54, 1, 0),
    ("head_gate", "float32", 90): (56, 1, 0),
    ("head_gate", "bfloat16", 80): (56, 1, 0),
    ("head_gate", "bfloat16", 90): (56, 1, 0),
    ("head_gate with bonus", "float32", 80): (62, 1, 0),
    ("head_gate with bonus", "float32", 90): (63, 1, 0),
    ("head_gate with bonus", "bfloat16", 80): (64, 1, 0),
    ("head_gate with bonus", "bfloat16", 90): (62, 1, 0),
    ("layer_norm", "float32", 80): (42, 1, 0),
    ("layer_norm", "float32", 90): (42, 1, 0),
    ("layer_norm", "bfloat16", 80): (56, 1, 0),
    ("layer_norm", "bfloat16", 90): (56, 1, 0),
    ("head_nll", "float32", 80): (128, 1033, 0),
    ("head_nll", "float32", 90): (128, 1036, 0),
    ("head_nll of 16 bits", "bfloat16", 80): (226, 1464, 64),
    ("head_nll of 16 bits", "bfloat16", 90): (158, 1222, 4),
    ("head_nll, splits", "float32", 80): (32, 1, 0),
    ("head_nll, splits", "float32", 90): (32, 1, 0),
}
"""Registers of a thread and instructions in the longest loop at most, and how many instructions are
tensor cores', as recorded in kernels/README.md."""

INTERPRETED = ("", "_rows", "_chunked", "_step")


def run_apart(arguments: list[str], **environment: str) -> str:
    """What a new process prints; Triton reads its environment when it is imported."""
    pytest.importorskip("triton", reason="Triton is not installed")
    kept = {name: x for name, x in os.environ.items() if not name.startswith("TRITON_")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", INTERPRETED)
def test_the_kernels_match_the_reference_in_tritons_interpreter(name: str) -> None:
    tests = f"tests/kernels/triton_interpreted{name}.py"
    run_apart(["pytest", "-q", "-p", "no:cacheprovider", tests], TRITON_INTERPRET="1")


@pytest.mark.slow
def test_the_kernels_compile_without_spills_into_the_registers_recorded(tmp_path: Path) -> None:
    said = run_apart(["tests.kernels.triton_offline"], TRITON_CACHE_DIR=str(tmp_path))
    programs = [json.loads(line) for line in said.splitlines()]
    assert len(programs) == len(MOST)
    for program in programs:
        key = program["kernel"], program["inputs"], program["architecture"]
        registers, loop, tensor = MOST[key]
        assert (program["STACK"], program["LOCAL"]) == (0, 0), program
        assert program["REG"] <= registers and 0 < program["LOOP"] <= loop, program
        assert program["TENSOR"] == tensor, program
