"""Where the files lie that an order names."""

from importlib import resources
from pathlib import Path

from longriver.engine.config import ModelConfig
from longriver.engine.weights.hub import COMMIT, SCHEME, Client, Reference, download
from longriver.engine.weights.hub_client import hub_client
from longriver.engine.weights.source import Source

DEMO = "demo"
"""``model.path`` of the embedded model."""

FIELDS = ("path", "lora", "state", "tokenizer", "vocab")
"""The settings of a model that may name files."""

BUILT_IN = {"path": (DEMO,), "tokenizer": ("auto", "world", "bytes")}
"""Values of theirs that are no files."""


def sources(model: ModelConfig) -> dict[str, Source]:
    """Every setting that names files, by field; not what is built in."""
    values = {field: getattr(model, field) for field in FIELDS}
    return {
        field: Source(f"model.{field}", value)
        for field, value in values.items()
        if value is not None and value not in BUILT_IN.get(field, ())
    }


def locate(path: str, key: str = "model.path") -> Path:
    """The file or folder behind a setting; what is on the hub is downloaded.

    Args:
        key: the setting, which decides what is needed of a repository.

    Raises:
        WeightsError: there is no such file, or it cannot be had.
    """
    if path == DEMO and key == "model.path":
        return Path(str(resources.files("longriver.engine.demo") / "demo.safetensors"))
    source = Source(key, path)
    if path.startswith(SCHEME):
        return download(source, hub_client(source)).place
    if "://" in path:
        raise source.wrong(
            "is a URL, which only longriver's jobs fetch; name a local path or hf://"
        )
    return _local(source)


def absolute(model: ModelConfig) -> ModelConfig:
    """The same order for a process in another working directory; URLs stay."""
    local = {f: s for f, s in sources(model).items() if "://" not in s.value}
    return model.model_copy(update={f: str(_expanded(s).absolute()) for f, s in local.items()})


def pinned(model: ModelConfig, client: Client | None = None) -> ModelConfig:
    """The same order with the commits that its ``hf://`` paths are at now.

    They are downloaded, so that the order can be carried out again without a network.

    Args:
        client: of the hub; by default that of ``huggingface_hub``.

    Raises:
        WeightsError: as ``locate``.
    """
    remote = {f: s for f, s in sources(model).items() if _is_moving(s)}
    found = {f: download(s, client or hub_client(s)).pinned for f, s in remote.items()}
    return model.model_copy(update=found)


def _is_moving(source: Source) -> bool:
    if not source.value.startswith(SCHEME):
        return False
    return COMMIT.fullmatch(Reference.parse(source).revision) is None


def _local(source: Source) -> Path:
    file = _expanded(source)
    try:
        if not file.exists():
            raise source.wrong("does not exist; name a .pth or .safetensors file, or a folder")
    except OSError as error:
        raise source.wrong(f"cannot be looked at ({error.strerror}); see to the path") from None
    if not file.is_file() and not file.is_dir():
        raise source.wrong("is neither a file nor a folder")
    return file


def _expanded(source: Source) -> Path:
    try:
        return Path(source.value).expanduser()
    except RuntimeError:
        raise source.wrong("begins with ~ of nobody known here; write the whole path") from None
