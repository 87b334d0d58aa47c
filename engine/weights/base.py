"""Reads a checkpoint of any format, before adapters, under BlinkDL's names."""

from pathlib import Path

from longriver.engine.weights.folder import CONFIG, Layout, layout
from longriver.engine.weights.hf_config import judge_type, judged
from longriver.engine.weights.names import FLA_KEY, to_blinkdl
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors, read_tensor_file
from longriver.engine.weights.untrusted_json import read_object

HEAD_SIZE = 64
"""Of all published models; fla's GroupNorm has an eps of 1e-5 times the head size, BlinkDL's 64e-5
whatever the head size is."""


def read_base(source: Source, place: Path, *, has_eps: bool) -> Tensors:
    """The tensors of a file, or of a Hugging Face folder, as views of mapped files.

    Args:
        has_eps: the eps of the GroupNorm was ordered, so that nothing hangs on the format.

    Raises:
        WeightsError: names the file and the key.
    """
    found = layout(source, place)
    if found.config is None:
        return _named(source, found, has_eps=has_eps)
    named = source.within(CONFIG)
    config = read_object(named, found.config)
    judge_type(named, config)
    return judged(named, config, _named(source, found, has_eps=has_eps), has_eps=has_eps)


def _named(source: Source, found: Layout, *, has_eps: bool) -> Tensors:
    raw = read_files(source, found)
    tensors = to_blinkdl(source, raw)
    heads = tensors.get("blocks.0.att.r_k")
    is_fla = any(FLA_KEY.fullmatch(key) for key in raw)
    if is_fla and heads is not None and heads.shape[-1:] != (HEAD_SIZE,) and not has_eps:
        size = heads.shape[-1] if heads.ndim else 1
        raise source.wrong(
            f"has heads of {size}, for which fla and BlinkDL differ in the eps of the GroupNorm; "
            f"set model.group_norm_eps to {size}e-5 for fla's, or 64e-5 for BlinkDL's"
        )
    return tensors


def read_files(source: Source, found: Layout) -> Tensors:
    """All tensors of all files, each in the file that the index says, and none beside."""
    tensors: Tensors = {}
    for name, file in found.files.items():
        part = source.within(name)
        for key, x in read_tensor_file(part, file).items():
            if found.index is not None and found.index.get(key) != name:
                place = found.index.get(key)
                raise part.wrong(f"holds {key}, which the index has {_elsewhere(place)}")
            tensors[key] = x
    missing = [key for key in found.index or () if key not in tensors]
    if missing and found.index is not None:
        key = missing[0]
        raise source.within(found.index[key]).wrong(
            f"lacks {key[:200]!r}, which the index says is there ({len(missing)} such keys)"
        )
    return tensors


def _elsewhere(place: str | None) -> str:
    return "nowhere" if place is None else f"in {place}"
