"""Takes a checkpoint's tensors out one by one, judging each, so that what is left can be named."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.network.file_rows import FileRows
from longriver.engine.network.paging import all_finite, converted, let_go, stacked
from longriver.engine.network.parts import HALF, Embedding, HeadNorm, Norm, Weight
from longriver.engine.version import Version
from longriver.kernels.int8_linear.onednn import Int8Weight
from longriver.kernels.nll.blocked import VOCAB_BLOCK
from longriver.kernels.nll.head import Head, Int8Head

LAYER_KEY = re.compile(r"blocks\.(\d{1,6})\.")
MAX_LAYERS = 10_000
NUMBER_TYPES = (torch.bfloat16, torch.float16, torch.float32, torch.float64)


class Reader:
    """The tensors of a checkpoint under BlinkDL's names.

    Args:
        path: as in ``model.path``, for what is said of damage.
        device, dtype: of the weights; norms, decays and whatever is called float are float32. Where
            weights are to be int8, large matrices are, and all else is float32.
        kept_from: bytes of the tensors as float32 from which matrices that are to be float32 on a
            CPU stay in half precision, where they lie, and are widened as they are used.
    """

    def __init__(
        self,
        path: str,
        version: Version,
        tensors: Mapping[str, Tensor],
        device: torch.device,
        dtype: torch.dtype,
        kept_from: int,
    ) -> None:
        self.path, self.version, self.tensors = path, version, dict(tensors)
        self.device, self.is_whole = device, dtype == torch.int8
        self.dtype = torch.float32 if self.is_whole else dtype
        self.keeps_half = (
            device.type == "cpu"
            and dtype == torch.float32
            and (4 * sum(x.numel() for x in tensors.values()) >= kept_from)
        )
        self.vocab_size, self.width = self.shape("emb.weight", 2)
        self.num_layers = self._count_layers()

    def shape(self, key: str, ndim: int) -> tuple[int, ...]:
        """The shape of a tensor that must have so many dimensions, none of them empty."""
        found = tuple(self._get(key).shape)
        if len(found) != ndim or 0 in found:
            raise self.wrong(key, f"has shape {found}, {ndim} dimensions are needed")
        return found

    def rows(self, key: str) -> int:
        return self.shape(key, 2)[0]

    def heads(self, key: str) -> tuple[int, int]:
        """Number and size of the heads, those of a tensor with a row for each."""
        heads, size = self.shape(key, 2)
        if heads * size != self.width:
            raise self.wrong(key, f"is {heads} heads of {size}, not the width {self.width}")
        return heads, size

    def has(self, key: str) -> bool:
        return key in self.tensors

    def weight(self, key: str, shape: tuple[int, ...], divisor: float = 1) -> Weight:
        """A matrix in the number type of the weights, or in the file's if that is kept."""
        weight = self._weight(key, self._sized(key, shape))
        weight = weight if divisor == 1 else weight / divisor
        return Int8Weight(weight) if self.is_whole else weight

    def head(self, key: str, shape: tuple[int, ...]) -> Head:
        """The same for the matrix that becomes a [V, D] table of logits block by block."""
        weight = self._weight(key, self._sized(key, shape))
        return Int8Head(weight, VOCAB_BLOCK) if self.is_whole else weight

    def transposed(self, key: str, shape: tuple[int, int]) -> Tensor:
        """A matrix that the file holds as [in, out]; ``shape`` is the file's.

        On a CPU a view, so that workers that map the file share it.
        """
        weight = self._weight(key, self._sized(key, shape)).T
        return weight if self.device.type == "cpu" else weight.contiguous()

    def vector(self, key: str) -> Tensor:
        """[D] in the number type of the weights, [1, 1, D] in the file."""
        return self._flat(key).to(self.device, self.dtype)

    def float_vector(self, key: str) -> Tensor:
        return self._flat(key).to(self.device, torch.float32)

    def float_tensor(self, key: str, shape: tuple[int, ...]) -> Tensor:
        return self.take(key, shape).to(self.device, torch.float32).contiguous()

    def mixes(self, keys: Iterable[str]) -> Tensor:
        """How far each channel looks at the token before it, [M, D] for M keys.

        ``time_mix_*`` of versions 4 and 5 say how much of the token itself is taken.
        """
        rows = ((self._flat(key).float(), ".time_mix_" in key) for key in keys)
        mixes = stacked([1 - x if is_own else x for x, is_own in rows])
        return mixes.to(self.device, self.dtype)

    def norm(self, key: str) -> Norm:
        return Norm(self.float_vector(f"{key}.weight"), self.float_vector(f"{key}.bias"))

    def head_norm(self, key: str, eps: float) -> HeadNorm:
        norm = self.norm(key)
        return HeadNorm(norm.weight, norm.bias, eps)

    def embedding(self, key: str, shape: tuple[int, ...]) -> Embedding:
        """A table in the file's own number type, of which only single rows are looked up."""
        found = self.take(key, shape)
        table = found.to(self.device)
        let_go(found)
        return Embedding(table, FileRows.of(table))

    def take(self, key: str, shape: tuple[int, ...]) -> Tensor:
        return self._finite(key, self._sized(key, shape))

    def refuse_leftovers(self, unused: frozenset[str]) -> None:
        left = sorted(set(self.tensors) - unused)
        if left:
            raise self.wrong(left[0], f"is no part of RWKV-{self.version} ({len(left)} such keys)")

    def wrong(self, key: str, what: str) -> WeightsError:
        return WeightsError(
            f"model.path={self.path}: {key} {what}; is the file whole and RWKV-{self.version}?"
        )

    def _count_layers(self) -> int:
        numbers = {int(m[1]) for key in self.tensors if (m := LAYER_KEY.match(key))}
        most = max(numbers, default=0)
        if most >= MAX_LAYERS:
            raise self.wrong(f"blocks.{most}", f"is a layer beyond the {MAX_LAYERS} that can be")
        return most + 1

    def _flat(self, key: str) -> Tensor:
        found = self._get(key)
        if found.numel() != self.width or found.shape[-1:] != (self.width,):
            raise self.wrong(key, f"has shape {tuple(found.shape)}, [{self.width}] is needed")
        return self._finite(key, self._popped(key)).reshape(self.width)

    def _sized(self, key: str, shape: tuple[int, ...]) -> Tensor:
        found = tuple(self._get(key).shape)
        if found != shape:
            raise self.wrong(key, f"has shape {found}, {shape} is needed")
        return self._popped(key)

    def _popped(self, key: str) -> Tensor:
        found = self.tensors.pop(key)
        if found.dtype not in NUMBER_TYPES:
            raise self.wrong(key, f"is {found.dtype}; bfloat16, float16, 32 or 64 is needed")
        return found

    def _weight(self, key: str, found: Tensor) -> Tensor:
        if self.keeps_half and found.dtype in HALF:
            return self._finite(key, found)
        weight = converted(found, self.device, self.dtype)
        if weight is None:
            raise self._not_finite(key)
        return weight

    def _finite(self, key: str, found: Tensor) -> Tensor:
        if not all_finite(found):
            raise self._not_finite(key)
        return found

    def _not_finite(self, key: str) -> WeightsError:
        return self.wrong(key, "holds NaN or infinite numbers")

    def _get(self, key: str) -> Tensor:
        if key not in self.tensors:
            raise self.wrong(key, "is missing")
        return self.tensors[key]
