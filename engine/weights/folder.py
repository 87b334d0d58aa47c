"""Which files of a folder, local or in a repository, make what was named."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from longriver.engine.weights.source import Source, shown
from longriver.engine.weights.tensor_file import PICKLES, SUFFIXES
from longriver.engine.weights.untrusted_json import read_object

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
TOKENIZER = "tokenizer.json"
INDEX = ".index.json"

ENTRIES = {
    "model.path": (
        "model.safetensors",
        f"model.safetensors{INDEX}",
        "pytorch_model.bin",
        f"pytorch_model.bin{INDEX}",
    ),
    "model.lora": ("adapter_model.safetensors", "adapter_model.bin"),
    "model.tokenizer": (TOKENIZER,),
}
"""What is looked for first, by the setting that names the folder; pickles only without better."""

COMPANIONS = {"model.path": (CONFIG, TOKENIZER), "model.lora": (ADAPTER_CONFIG,)}
"""What is read beside an entry, where it is there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files that make a checkpoint.

    files:  of tensors, by name.
    config: ``config.json`` or ``adapter_config.json``.
    index:  the file that each key must be in, if there are several.
    """

    files: dict[str, Path]
    config: Path | None = None
    index: dict[str, str] | None = None


def layout(source: Source, place: Path) -> Layout:
    """What is to be read of a file, or of a folder in Hugging Face's form.

    Raises:
        WeightsError: a folder without weights, or one whose index names what is not inside.
    """
    if place.is_file():
        return Layout({"": place})
    names = [path.name for path in place.iterdir()]
    entry = place / entry_name(source, names)
    companion = place / COMPANIONS.get(source.key, ("",))[0]
    config = companion if companion.is_file() else None
    if not entry.name.endswith(INDEX):
        return Layout({entry.name: entry}, config)
    index = read_index(source, entry)
    shards = sorted(set(index.values()))
    return Layout({name: _inside(source, place, name) for name in shards}, config, index)


def gathered(source: Source, names: Collection[str], fetch: Callable[[str], Path]) -> Path:
    """Fetches what is needed of a folder elsewhere; returns the folder or file where it lies now.

    Args:
        names: of all files in that folder.
        fetch: makes a file local, all of them in one folder.
    """
    entry = entry_name(source, names)
    first = fetch(entry)
    if entry not in ENTRIES.get(source.key, ()):
        return first
    for name in COMPANIONS.get(source.key, ()):
        if name in names:
            fetch(name)
    if entry.endswith(INDEX):
        for name in sorted(set(read_index(source, first).values())):
            if name not in names:
                raise source.within(entry).wrong(f"names {name}, which is not there")
            fetch(name)
    return first if source.key == "model.tokenizer" else first.parent


def entry_name(source: Source, names: Iterable[str]) -> str:
    """The file of a folder to begin with.

    Raises:
        WeightsError: there is none, or more than one and nothing to choose by.
    """
    known = set(names)
    for entry in ENTRIES.get(source.key, ()):
        if entry in known:
            return entry
    for suffixes in ((".safetensors",), PICKLES):
        weights = sorted(name for name in known if name.endswith(suffixes))
        if len(weights) == 1:
            return weights[0]
        if weights:
            some = ", ".join(weights[:8]) + (", …" if len(weights) > 8 else "")
            raise source.wrong(f"holds {len(weights)} files of weights; name one of {some}")
    wanted = ", ".join(ENTRIES.get(source.key, ()))[:200]
    raise source.wrong(f"holds no weights ({wanted or 'a .pth or .safetensors file'} is needed)")


def read_index(source: Source, file: Path) -> dict[str, str]:
    """Which file each tensor is in, as an index says; the files are plain names beside it."""
    named = source.within(file.name)
    found = read_object(named, file).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise named.wrong(f"has {shown(found)} as weight_map, names of files are needed")
    for key, name in found.items():
        if not isinstance(name, str) or not _is_plain(name):
            raise named.wrong(f"has {shown(name)} for {shown(key)}, no name of a file beside it")
    return found


def _is_plain(name: str) -> bool:
    letters = name.replace("-", "").replace("_", "").replace(".", "")
    is_simple = letters.isascii() and letters.isalnum() and not name.startswith(".")
    return is_simple and name.endswith(SUFFIXES) and len(name) <= 200


def _inside(source: Source, folder: Path, name: str) -> Path:
    """A file of the folder; a link may only lead into the hub's own store of files."""
    file = folder / name
    if not file.is_file():
        raise source.within(name).wrong("is named by the index, but is not there")
    home, found = folder.resolve(), file.resolve()
    blobs = home.parent.parent / "blobs"
    is_cached = home.parent.name == "snapshots" and found.is_relative_to(blobs)
    if found.parent != home and not is_cached:
        raise source.within(name).wrong("is a link that leads out of the folder; copy the file")
    return file
