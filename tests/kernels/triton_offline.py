"""Compiles the Triton kernels as they are launched, without a GPU; prints what they take."""

import itertools
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from longriver.kernels.head_gate import triton_fused as head_gate
from longriver.kernels.layer_norm import triton_fused as layer_norm
from longriver.kernels.nll import triton_head as nll
from longriver.kernels.token_mix import triton_fused as token_mix
from longriver.kernels.triton_launch import OPTIONS, WIDE
from longriver.kernels.wkv4 import triton_recurrent as wkv4
from longriver.kernels.wkv6 import triton_recurrent as wkv6
from longriver.kernels.wkv7 import triton_chunked as chunked
from longriver.kernels.wkv7 import triton_recurrent as wkv7
from longriver.kernels.wkv7 import triton_spans
from longriver.kernels.wkv7_inputs import triton_fused as wkv7_inputs

BINARIES = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"

ROWS = torch.empty(1, 32, 64)
FLAT = ROWS.flatten(1)
HEAD = torch.empty(65536, 2048, device="meta")
EPS = 64e-5

HALF, BOTH = ("bfloat16",), ("float32", "bfloat16")
POINTERS = {"float32": "*fp32", "bfloat16": "*bf16"}
ARCHITECTURES = (80, 90)

PACKED = {"y": "*fp32", "state": "*fp32", "cu_seqlens": "*i32", "slots": "*i32"}
OF_NETWORK = PACKED | dict.fromkeys(("w_log", "a", "b"), "*fp32")
MIXED = {"last": "*fp32", "cu_seqlens": "*i32", "slots": "*i32"}
MIXED |= {"num_rows": "i32", "num_segments": "i32"}
GATED = {"y": "*fp32", "weight": "*fp32", "bias": "*fp32", "bonus": "*fp32", "num_heads": "i32"}
FED = {"decay_bias": "*fp32", "w_log": "*fp32", "a": "*fp32", "b": "*fp32", "num_heads": "i32"}
NORMED = {"weight": "*fp32", "bias": "*fp32", "num_rows": "i32"}
SUMS = {"largest": "*fp32", "total": "*fp32", "chosen": "*fp32", "num_rows": "i32"}
SCORED = SUMS | {"target": "*i64"}
SPANS = ("of_removed", "removed", "of_y", "left_b", "left_k", "decay")
WALKED = PACKED | dict.fromkeys(SPANS, "*fp32") | {"num_segments": "i32"}


@dataclass(frozen=True)
class Kernel:
    """A program at the sizes of a 1.5B model (H = 32, N = 64, V = 65,536).

    types: of arguments whose type is not that of the inputs.
    """

    function: Any
    constants: dict[str, Any]
    types: dict[str, str]
    options: dict[str, Any] = field(default_factory=lambda: OPTIONS)
    inputs: tuple[str, ...] = BOTH

    def compiled(self, dtype: str, architecture: int) -> Any:
        """What a launch with inputs of this type gets."""
        function, names = self.function, self.function.arg_names
        types = {name: self.types.get(name, POINTERS[dtype]) for name in names}
        types |= dict.fromkeys(self.constants, "constexpr")
        aligned = {
            (i,): [["tt.divisibility", 16]]
            for i, parameter in enumerate(function.params)
            if types[parameter.name].startswith("*")
            and not parameter.do_not_specialize_on_alignment
        }
        values = {(names.index(name),): value for name, value in self.constants.items()}
        source = ASTSource(fn=function, signature=types, constexprs=values, attrs=aligned)
        target = GPUTarget("cuda", architecture, 32)
        return triton.compile(source, target=target, options=self.options)


def mixes(number: int) -> Kernel:
    constants = token_mix.constants_of(FLAT, FLAT.expand(number, -1))
    return Kernel(token_mix.mix_tile, constants, MIXED, WIDE)


def spans(precision: str) -> Kernel:
    constants = chunked.constants_of(ROWS, precision) | chunked.OF_SPANS
    return Kernel(triton_spans.summarize, constants, WALKED, chunked.SPANS_OPTIONS, ("float32",))


def walk(precision: str) -> Kernel:
    constants = chunked.constants_of(ROWS, precision) | chunked.OF_WALK
    return Kernel(chunked.walk, constants, WALKED, chunked.WALK_OPTIONS, ("float32",))


KERNELS = {
    "wkv4": Kernel(wkv4.scan, wkv4.constants_of(FLAT), PACKED),
    "wkv6": Kernel(wkv6.scan, wkv6.constants_of(ROWS, ROWS.expand(2, -1, -1).contiguous()), PACKED),
    "wkv6 of RWKV-5": Kernel(wkv6.scan, wkv6.constants_of(ROWS, ROWS.expand(2, -1, -1)), PACKED),
    "wkv7": Kernel(wkv7.scan, wkv7.constants_of(ROWS), PACKED),
    "wkv7 of a network": Kernel(wkv7.scan, wkv7.constants_of(ROWS), OF_NETWORK, inputs=HALF),
    "wkv7 in spans of tf32": spans("tf32"),
    "wkv7 in spans of tf32x3": spans("tf32x3"),
    "wkv7, walk in tf32": walk("tf32"),
    "wkv7, walk in tf32x3": walk("tf32x3"),
    "wkv7_inputs": Kernel(wkv7_inputs.feed_and_mix, wkv7_inputs.constants_of((32, 64)), FED, WIDE),
    "wkv7_inputs of layer 0": Kernel(
        wkv7_inputs.feed, wkv7_inputs.constants_of((32, 64)), FED, WIDE
    ),
    "token_mix of 1": mixes(1),
    "token_mix of 6": mixes(6),
    "head_gate": Kernel(head_gate.gate_heads, head_gate.constants_of(ROWS, EPS), GATED, WIDE),
    "head_gate with bonus": Kernel(
        head_gate.gate_with_bonus, head_gate.constants_of(ROWS, EPS), GATED, WIDE
    ),
    "layer_norm": Kernel(layer_norm.norm_rows, layer_norm.constants_of(FLAT, 1e-5), NORMED, WIDE),
    "head_nll": Kernel(
        nll.scores, nll.constants_of(HEAD), SCORED, nll.FULL_OPTIONS, inputs=("float32",)
    ),
    "head_nll of 16 bits": Kernel(
        nll.scores, nll.constants_of(HEAD.bfloat16()), SCORED, nll.HALF_OPTIONS, inputs=HALF
    ),
    "head_nll, splits": Kernel(
        nll.combine, nll.of_splits(128), SUMS | {"nats": "*fp32"}, WIDE, inputs=("float32",)
    ),
}


def resources(program: Any) -> dict[str, int]:
    """What the cubin says of itself: REG, STACK, LOCAL; instructions in its longest LOOP, and
    TENSOR, how many of all are tensor cores'."""
    with TemporaryDirectory() as folder:
        cubin = Path(folder) / "program.cubin"
        cubin.write_bytes(program.asm["cubin"])
        said = _said("cuobjdump", "-res-usage", cubin)
        sass = _said("nvdisasm", "-c", cubin)
    numbers = re.findall(r"\b(REG|STACK|LOCAL):(\d+)", said)
    found = {name: int(value) for name, value in numbers} | {"LOOP": _longest_loop(sass)}
    return found | {"TENSOR": len(re.findall(r"\b(?:HMMA|HGMMA)\.", sass))}


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
    for name, kernel in KERNELS.items():
        for dtype, architecture in itertools.product(kernel.inputs, ARCHITECTURES):
            program = kernel.compiled(dtype, architecture)
            key = {"kernel": name, "inputs": dtype, "architecture": architecture}
            json.dump(key | resources(program), sys.stdout)
            print()


if __name__ == "__main__":
    main()
