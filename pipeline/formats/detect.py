"""Which format a file has: what the order says, else what its name says."""

from longriver.engine.errors import SourceError
from longriver.pipeline.compression import split_compression
from longriver.pipeline.data_config import Format

FORMAT_OF_SUFFIX: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}

RANDOM_ACCESS = ("parquet", "arrow")
"""Formats that are read from their end, which a compressed file does not allow."""


def detect_formats(names: list[str], ordered: Format) -> list[Format]:
    """Returns the format of each name; a single name without a suffix is text.

    Raises:
        SourceError: names that tell nothing, or compressed Parquet or Arrow.
    """
    formats = [_detect(name, ordered, alone=len(names) == 1) for name in names]
    unknown = [name for name, found in zip(names, formats, strict=True) if found is None]
    if unknown:
        raise SourceError(_refusal(unknown))
    found = [each for each in formats if each is not None]
    for name, each in zip(names, found, strict=True):
        if each in RANDOM_ACCESS and split_compression(name)[1] is not None:
            raise SourceError(f"data.path: {name} is compressed {each}; decompress it first")
    return found


def _detect(name: str, ordered: Format, alone: bool) -> Format | None:
    if ordered != "auto":
        return ordered
    stem = split_compression(name)[0].rsplit("/", 1)[-1]
    dot = stem.rfind(".")
    if dot <= 0:
        return "text" if alone else None
    return FORMAT_OF_SUFFIX.get(stem[dot:].lower())


def _refusal(unknown: list[str]) -> str:
    shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if unknown[3:] else "")
    return (
        f"data.format=auto does not know the suffix of {shown}; "
        "say data.format=text (or another format), or point data.path at the files to read"
    )
