"""Checkpoints from any store: fetched once, whole or not at all, by however many at a time."""

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.weights import fingerprint, read_tensors
from longriver.pipeline.model_files import fetched
from tests.engine.weights.adapters import low_rank, peft_folder
from tests.engine.weights.conversions import fla_config, fla_form, write_folder
from tests.engine.weights.orders import EPS, one_line, order, same, tiny


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    fs = fsspec.filesystem("memory")
    yield fs
    with contextlib.suppress(FileNotFoundError):
        fs.rm("/models", recursive=True)


def fla_folder(folder: Path) -> Path:
    write_folder(folder, fla_form(tiny()), fla_config(tiny()), num_shards=2)
    (folder / "modeling.py").write_text("evil")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    return folder


def uploaded(store: MemoryFileSystem, folder: Path) -> str:
    for path in folder.iterdir():
        store.pipe_file(f"/models/{folder.name}/{path.name}", path.read_bytes())
    return f"memory://models/{folder.name}"


def refusal(model: ModelConfig, cache: Path) -> str:
    with pytest.raises(OrderError) as caught:
        fetched(model, cache)
    return one_line(caught.value)


def test_a_file_is_fetched_once(store: MemoryFileSystem, tmp_path: Path) -> None:
    store.pipe_file("/models/m.pth", b"one")
    model = order("memory://models/m.pth", tokenizer="bytes")
    found = fetched(model, tmp_path)
    path = Path(found.path)
    assert path.read_bytes() == b"one" and path.name == "m.pth" and found.tokenizer == "bytes"
    path.write_bytes(b"is not fetched again")
    assert fetched(model, tmp_path) == found and path.read_bytes() == b"is not fetched again"


def test_a_file_that_changed_is_fetched_anew(store: MemoryFileSystem, tmp_path: Path) -> None:
    for content in (b"one", b"two", b"three"):
        store.pipe_file("/models/m.pth", content)
        found = fetched(order("memory://models/m.pth"), tmp_path)
        assert Path(found.path).read_bytes() == content


def test_a_folder_is_fetched_as_far_as_it_is_needed(
    store: MemoryFileSystem, tmp_path: Path
) -> None:
    folder = fla_folder(tmp_path / "fla")
    model = order(uploaded(store, folder), group_norm_eps=EPS)
    found = fetched(model, tmp_path / "cache")
    names = {p.name for p in Path(found.path).iterdir() if not p.name.startswith(".")}
    assert names == {p.name for p in folder.iterdir()} - {"modeling.py", "pytorch_model.bin"}
    assert same(read_tensors(found), tiny())
    assert fingerprint(found) == fingerprint(order(folder, group_norm_eps=EPS))


def test_every_setting_is_fetched(store: MemoryFileSystem, tmp_path: Path) -> None:
    lora = peft_folder(tmp_path / "lora", low_rank(["lm_head.weight"], fla_form(tiny())))
    for name in ("m.pth", "s.pth", "tokenizer.json", "vocab.txt"):
        store.pipe_file(f"/models/{name}", name.encode())
    at = "memory://models"
    model = order(
        f"{at}/m.pth",
        lora=uploaded(store, lora),
        state=f"{at}/s.pth",
        tokenizer=f"{at}/tokenizer.json",
        vocab=f"{at}/vocab.txt",
    )
    found = fetched(model, tmp_path / "cache")
    assert {p.name for p in Path(found.lora or "").glob("adapter*")} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    for path in (found.path, found.state, found.tokenizer, found.vocab):
        assert path is not None and Path(path).read_bytes() == Path(path).name.encode()


def test_other_paths_stay(tmp_path: Path) -> None:
    model = order("some/model.pth", lora="hf://owner/name", state="~/s.pth", tokenizer="world")
    assert fetched(model, tmp_path / "cache") == model and fetched(ModelConfig()) == ModelConfig()
    assert not (tmp_path / "cache").exists()


def test_a_file_url_is_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    assert fetched(order(f"file://{path}"), tmp_path / "cache").path == str(path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://models/nowhere.pth", "does not exist"),
        ("memory://models/nowhere/", "does not exist"),
        ("nosuch://models/m.pth", "cannot be opened"),
        ("zip://m.pth::memory://models/m.zip", "chains URLs"),
        ("http://127.0.0.1:1/m.pth", "does not exist"),
        ("http://", "model.path=http://"),
    ],
)
def test_a_url_that_leads_nowhere_is_one_line(
    store: MemoryFileSystem, tmp_path: Path, url: str, words: str
) -> None:
    message = refusal(order(url), tmp_path)
    assert words in message and message.startswith(f"model.path={url}")


def test_a_missing_driver_is_named_with_its_package(tmp_path: Path) -> None:
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        model = order("demo", state="gs://bucket/s.pth")
        assert refusal(model, tmp_path) == (
            "model.state=gs://bucket/s.pth needs a package: pip install gcsfs"
        )
    else:
        pytest.skip("gcsfs is installed")


def test_a_folder_without_weights_is_one_line(store: MemoryFileSystem, tmp_path: Path) -> None:
    store.pipe_file("/models/empty/config.json", b"{}")
    assert "holds no weights" in refusal(order("memory://models/empty"), tmp_path)


class _Failing(fsspec.AbstractFileSystem):
    """Has one file, of which it gives half and then, if asked to, an error."""

    protocol = "failing"
    cachable = False
    error: Exception | None = None
    num_bytes = 10

    def info(self, path: str, **_: object) -> dict[str, Any]:
        return {"name": path, "type": "file", "size": self.num_bytes}

    def get_file(self, rpath: str, lpath: str, **_: object) -> None:
        Path(lpath).write_bytes(b"01234")
        if self.error is not None:
            raise self.error


@pytest.fixture
def failing() -> Iterator[type[_Failing]]:
    fsspec.register_implementation("failing", _Failing, clobber=True)
    yield _Failing
    _Failing.error, _Failing.num_bytes = None, 10


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "broke off after 5 of 10 bytes of m.pth"),
        (RuntimeError("token expired\nsee the manual"), "cannot be fetched: token expired see"),
        (PermissionError("Forbidden"), "cannot be fetched: Forbidden"),
        (TimeoutError(), "cannot be fetched: TimeoutError"),
        (OSError(28, "No space left on device"), "No space left on device); set LONGRIVER_CACHE"),
    ],
)
def test_half_a_download_is_never_taken_for_a_whole(
    failing: type[_Failing], tmp_path: Path, error: Exception | None, words: str
) -> None:
    failing.error = error
    assert words in refusal(order("failing://m.pth"), tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


def test_a_file_larger_than_the_disk_is_not_begun(failing: type[_Failing], tmp_path: Path) -> None:
    failing.num_bytes = 1 << 60
    assert "has room for" in refusal(order("failing://m.pth"), tmp_path)


@pytest.mark.parametrize("kind", ["file", "read_only"])
def test_a_cache_that_cannot_be_written_is_named(
    store: MemoryFileSystem, tmp_path: Path, kind: str
) -> None:
    store.pipe_file("/models/m.pth", b"one")
    cache = tmp_path / "cache"
    if kind == "file":
        cache.write_bytes(b"")
    elif os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    else:
        cache.mkdir(mode=0o500)
    assert "set LONGRIVER_CACHE" in refusal(order("memory://models/m.pth"), cache)


def test_the_cache_is_where_the_environment_says(
    store: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe_file("/models/m.pth", b"one")
    model = order("memory://models/m.pth")
    monkeypatch.delenv("LONGRIVER_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Path(fetched(model).path).is_relative_to(tmp_path / "home" / ".cache" / "longriver")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Path(fetched(model).path).is_relative_to(tmp_path / "xdg" / "longriver")
    monkeypatch.setenv("LONGRIVER_CACHE", str(tmp_path / "own"))
    assert Path(fetched(model).path).is_relative_to(tmp_path / "own")


class _Web(SimpleHTTPRequestHandler):
    """Serves a folder; counts what is downloaded of it."""

    downloads: list[str] = []  # noqa: RUF012  # one list, for all requests of a test

    def do_GET(self) -> None:
        self.downloads.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    _Web.downloads.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Web, directory=str(tmp_path / "web")))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_address_is_fetched(web: str, tmp_path: Path) -> None:
    (tmp_path / "web" / "m.pth").write_bytes(b"one")
    found = fetched(order(f"{web}/m.pth?token=secret"), tmp_path / "cache")
    assert Path(found.path).name == "m.pth" and Path(found.path).read_bytes() == b"one"
    assert "does not exist" in refusal(order(f"{web}/n.pth"), tmp_path / "cache")


def test_many_processes_fetch_a_file_once(web: str, tmp_path: Path) -> None:
    content = os.urandom(5 << 20)
    (tmp_path / "web" / "m.pth").write_bytes(content)
    with get_context("spawn").Pool(3) as pool:
        jobs = [pool.apply_async(_path, (f"{web}/m.pth", tmp_path / "cache")) for _ in range(6)]
        found = {job.get(timeout=60) for job in jobs}
    assert len(found) == 1 and Path(found.pop()).read_bytes() == content
    assert _Web.downloads.count("/m.pth") == 1


def _path(url: str, cache: Path) -> str:
    return fetched(ModelConfig(path=url), cache).path
