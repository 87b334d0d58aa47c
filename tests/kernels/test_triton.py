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
    ("wkv4", "float32", 80): (55, 175),
    ("wkv4", "float32", 90): (54, 175),
    ("wkv4", "bfloat16", 80): (56, 179),
    ("wkv4", "bfloat16", 90): (56, 179),
    ("wkv6", "float32", 80): (128, 302),
    ("wkv6", "float32", 90): (120, 228),
    ("wkv6", "bfloat16", 80): (96, 310),
    ("wkv6", "bfloat16", 90): (118, 234),
    ("wkv6 of RWKV-5", "float32", 80): (96, 304),
    ("wkv6 of RWKV-5", "float32", 90): (100, 229),
    ("wkv6 of RWKV-5", "bfloat16", 80): (96, 310),
    ("wkv6 of RWKV-5", "bfloat16", 90): (96, 237),
    ("wkv7", "float32", 80): (128, 439),
    ("wkv7", "float32", 90): (132, 312),
    ("wkv7", "bfloat16", 80): (96, 449),
    ("wkv7", "bfloat16", 90): (106, 322),
}
"""Registers of a thread and instructions for a token, as recorded in kernels/README.md."""


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
def test_the_kernels_match_the_reference_in_tritons_interpreter() -> None:
    tests = "tests/kernels/triton_interpreted.py"
    run_apart(["pytest", "-q", "-p", "no:cacheprovider", tests], TRITON_INTERPRET="1")


def test_the_kernels_compile_without_spills_into_the_registers_recorded(tmp_path: Path) -> None:
    said = run_apart(["tests.kernels.triton_offline"], TRITON_CACHE_DIR=str(tmp_path))
    programs = [json.loads(line) for line in said.splitlines()]
    assert len(programs) == len(MOST)
    for program in programs:
        registers, loop = MOST[program["kernel"], program["inputs"], program["architecture"]]
        assert (program["STACK"], program["LOCAL"]) == (0, 0), program
        assert program["REG"] <= registers and 0 < program["LOOP"] <= loop, program
