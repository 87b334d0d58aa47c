"""The WKV ops: each with its reference, its fast forms and the cases that they are held against."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from longriver.kernels.wkv4 import numba_cpu as wkv4_numba
from longriver.kernels.wkv4 import reference as wkv4_reference
from longriver.kernels.wkv4 import torch_scan as wkv4_torch
from longriver.kernels.wkv6 import numba_cpu as wkv6_numba
from longriver.kernels.wkv6 import reference as wkv6_reference
from longriver.kernels.wkv6 import torch_chunked as wkv6_torch
from longriver.kernels.wkv7 import numba_cpu as wkv7_numba
from longriver.kernels.wkv7 import reference as wkv7_reference
from longriver.kernels.wkv7 import torch_chunked as wkv7_torch
from tests.kernels import wkv4_cases, wkv6_cases, wkv7_cases
from tests.kernels.cases import Case

Wkv = Callable[..., Tensor]


@dataclass(frozen=True)
class Op:
    """``memory`` of a state is what two implementations must agree on."""

    name: str
    state: str
    reference: Wkv
    numba: Wkv
    torch: Wkv
    cases: tuple[Case, ...]
    inputs: Callable[[Case], dict[str, Tensor]]
    memory: Callable[[Tensor], Tensor] = Tensor.double

    def __str__(self) -> str:
        return self.name

    @property
    def triton(self) -> Wkv:
        """Imported when asked for, as Triton is not everywhere."""
        module = importlib.import_module(f"longriver.kernels.{self.name}.triton_recurrent")
        form: Wkv = getattr(module, self.name)
        return form


OPS = (
    Op(
        name="wkv4",
        state="state_S3D",
        reference=wkv4_reference.wkv4,
        numba=wkv4_numba.wkv4,
        torch=wkv4_torch.wkv4,
        cases=wkv4_cases.CASES,
        inputs=wkv4_cases.inputs,
        memory=wkv4_cases.memory,
    ),
    Op(
        name="wkv6",
        state="state_SHKV",
        reference=wkv6_reference.wkv6,
        numba=wkv6_numba.wkv6,
        torch=wkv6_torch.wkv6,
        cases=wkv6_cases.CASES,
        inputs=wkv6_cases.inputs,
    ),
    Op(
        name="wkv7",
        state="state_SHKV",
        reference=wkv7_reference.wkv7,
        numba=wkv7_numba.wkv7,
        torch=wkv7_torch.wkv7,
        cases=wkv7_cases.CASES,
        inputs=wkv7_cases.inputs,
    ),
)
