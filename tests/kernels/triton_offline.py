"""Compiles the Triton kernels as they are launched, without a GPU; prints what they take."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from longriver.kernels.triton_launch import OPTIONS
from longriver.kernels.wkv4 import triton_recurrent as wkv4
from longriver.kernels.wkv6 import triton_recurrent as wkv6
from longriver.kernels.wkv7 import triton_recurrent as wkv7

BINARIES = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"

ROWS = torch.empty(1, 32, 64)
FLAT = ROWS.flatten(1)

KERNELS = {
    "wkv4": (wkv4.scan, wkv4.constants_of(FLAT)),
    "wkv6": (wkv6.scan, wkv6.constants_of(ROWS, ROWS.expand(2, -1, -1).contiguous())),
    "wkv6 of RWKV-5": (wkv6.scan, wkv6.constants_of(ROWS, ROWS.expand(2, -1, -1))),
    "wkv7": (wkv7.scan, wkv7.constants_of(ROWS)),
}
INPUTS = {"float32": "*fp32", "bfloat16": "*bf16"}
ALWAYS = {"y": "*fp32", "state": "*fp32", "cu_seqlens": "*i32", "slots": "*i32"}
ARCHITECTURES = (80, 90)


def compiled(scan: Any, constants: dict[str, int], inputs: str, architecture: int) -> Any:
    """The program that a launch with 1.5B-sized heads (H=32, N=64) gets."""
    names = scan.arg_names
    types = {name: ALWAYS.get(name, inputs) for name in names} | dict.fromkeys(
        constants, "constexpr"
    )
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, parameter in enumerate(scan.params)
        if parameter.name not in constants and not parameter.do_not_specialize_on_alignment
    }
    values = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=scan, signature=types, constexprs=values, attrs=aligned)
    return triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=OPTIONS)


def resources(program: Any) -> dict[str, int]:
    """What the cubin says of itself: REG, STACK, LOCAL; and LOOP, instructions for a token."""
    with TemporaryDirectory() as folder:
        cubin = Path(folder) / "program.cubin"
        cubin.write_bytes(program.asm["cubin"])
        said = _said("cuobjdump", "-res-usage", cubin)
        loop = _longest_loop(_said("nvdisasm", "-c", cubin))
    numbers = re.findall(r"\b(REG|STACK|LOCAL):(\d+)", said)
    return {name: int(value) for name, value in numbers} | {"LOOP": loop}


def _said(binary: str, option: str, cubin: Path) -> str:
    command = [str(BINARIES / binary), option, str(cubin)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _longest_loop(sass: str) -> int:
    """The most instructions between a label and a jump back to it."""
    labels: dict[str, int] = {}
    longest = position = 0
    for line in sass.splitlines():
        if label := re.match(r"(\.L_x_\w+):", line):
            labels[label[1]] = position
        if re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+\S", line):
            position += 1
            jump = re.search(r"BRA.*(\.L_x_\w+)", line)
            if jump and jump[1] in labels:
                longest = max(longest, position - labels[jump[1]])
    return longest


def main() -> None:
    """One line for each kernel, type of inputs and architecture."""
    for name, (scan, constants) in KERNELS.items():
        for dtype, inputs in INPUTS.items():
            for architecture in ARCHITECTURES:
                program = compiled(scan, constants, inputs, architecture)
                key = {"kernel": name, "inputs": dtype, "architecture": architecture}
                json.dump(key | resources(program), sys.stdout)
                print()


if __name__ == "__main__":
    main()
