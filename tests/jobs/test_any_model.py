"""Whole runs with the models that users bring: every version, format, adapter and place."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch

from longriver.engine.version import Version
from longriver.jobs.cli import main
from tests.checkpoints import random_rwkv, saved
from tests.engine.weights.adapters import low_rank
from tests.engine.weights.conversions import fla_config, fla_form, hf_form, write_folder
from tests.engine.weights.hub_server import COMMIT, hub
from tests.orders import rows_of

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")
SIZES = {"num_heads": 1, "head_size": 64, "vocab_size": 256}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "one.txt").write_text("A network that somebody brought reads this. " * 3)
    (folder / "two.txt").write_text("")
    (folder / "three.txt").write_bytes(b"\xff\xfe is no UTF-8, and is read all the same.")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LONGRIVER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store() -> Iterator[str]:
    yield "memory://brought"
    fs = fsspec.filesystem("memory")
    if fs.exists("/brought"):
        fs.rm("/brought", recursive=True)


def score(texts: Path, run: Path, *words: str) -> int:
    keys = (f"data.path={texts}", f"output.path={run}", "engine.device=cpu")
    return main(["score", *keys, "engine.num_threads=1", *words])


def nats(run: Path) -> list[float]:
    return [row["nll"] for row in rows_of(run, "score")]


@pytest.mark.parametrize("version", list(Version))
def test_every_version_scores_and_verifies(version: Version, texts: Path, tmp_path: Path) -> None:
    path = saved(random_rwkv(version, **SIZES), tmp_path / "model.safetensors")
    assert score(texts, tmp_path / "run", f"model.path={path}") == 0
    assert main(["verify", f"output.path={tmp_path / 'run'}"]) == 0
    assert sorted(value > 0 for value in nats(tmp_path / "run")) == [False, True, True]


def test_one_model_in_three_forms_gives_the_same_bits(texts: Path, tmp_path: Path) -> None:
    tensors = random_rwkv(Version.V7, **SIZES)
    saved(tensors, tmp_path / "blinkdl.pth")
    write_folder(tmp_path / "fla", fla_form(tensors), fla_config(tensors), num_shards=2)
    old = fla_form(tensors, stacked=True)
    write_folder(tmp_path / "old", old, fla_config(tensors), num_shards=1)
    for name in ("blinkdl.pth", "fla", "old"):
        assert score(texts, tmp_path / f"run-{name}", f"model.path={tmp_path / name}") == 0
    expected = nats(tmp_path / "run-blinkdl.pth")
    assert nats(tmp_path / "run-fla") == nats(tmp_path / "run-old") == expected


def test_rwkv_4_of_transformers_gives_the_bits_of_blinkdls(texts: Path, tmp_path: Path) -> None:
    tensors = random_rwkv(Version.V4, **SIZES)
    saved(tensors, tmp_path / "blinkdl.pth")
    saved(hf_form(tensors), tmp_path / "hf.safetensors")
    for name in ("blinkdl.pth", "hf.safetensors"):
        assert score(texts, tmp_path / f"run-{name}", f"model.path={tmp_path / name}") == 0
    assert nats(tmp_path / "run-hf.safetensors") == nats(tmp_path / "run-blinkdl.pth")


def test_a_model_in_a_store_is_fetched_resumed_and_refused_when_it_changes(
    texts: Path, tmp_path: Path, store: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = saved(random_rwkv(Version.V6, **SIZES), tmp_path / "model.pth")
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/brought/model.pth", local.read_bytes())
    words = (f"model.path={store}/model.pth",)
    assert score(texts, tmp_path / "run", *words) == 0
    assert score(texts, tmp_path / "local", f"model.path={local}") == 0
    assert nats(tmp_path / "run") == nats(tmp_path / "local")
    assert len(list(cache.rglob("model.pth"))) == 1
    assert score(texts, tmp_path / "run", *words) == 0
    other = saved(random_rwkv(Version.V6, **SIZES, seed=1), tmp_path / "other.pth")
    fs.pipe_file("/brought/model.pth", other.read_bytes())
    capsys.readouterr()
    assert score(texts, tmp_path / "run", *words) == 2
    assert "was started with model=sha256:" in capsys.readouterr().err


def test_adapters_and_tuned_states_change_scores_and_are_part_of_the_run(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = random_rwkv(Version.V7, **SIZES)
    path = saved(tensors, tmp_path / "model.pth")
    adapted = ("blocks.1.att.key.weight", "blocks.0.ffn.value.weight")
    lora = saved(low_rank(adapted, tensors), tmp_path / "lora.pth")
    tuned = {f"blocks.{i}.att.time_state": torch.randn(1, 64, 64) / 8 for i in range(2)}
    state = saved(tuned, tmp_path / "state.pth")
    orders = {
        "plain": (),
        "lora": (f"model.lora={lora}", "model.lora_alpha=8"),
        "state": (f"model.state={state}",),
        "both": (f"model.lora={lora}", "model.lora_alpha=8", f"model.state={state}"),
    }
    for name, words in orders.items():
        assert score(texts, tmp_path / name, f"model.path={path}", *words) == 0
    found = {name: nats(tmp_path / name)[0] for name in orders}
    assert len(set(found.values())) == 4
    capsys.readouterr()
    assert score(texts, tmp_path / "plain", f"model.path={path}", *orders["state"]) == 2
    assert "was started with model=sha256:" in capsys.readouterr().err
    assert score(texts, tmp_path / "lora", f"model.path={path}", *orders["both"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("model.lora_alpha=4",), "model.lora_alpha=4 has no effect without model.lora"),
        (("model.lora=nowhere.pth",), "model.lora=nowhere.pth does not exist"),
        (("model.state=nowhere.pth",), "model.state=nowhere.pth does not exist"),
        (("model.group_norm_eps=2",), "model.group_norm_eps=2 cannot be used"),
        (("model.path=memory://brought/nowhere.pth",), "does not exist"),
        (("model.path=hf://no-slash",), "is not hf://owner/name[@revision][/file]"),
        (("model.path=foo://x/y.pth",), "model.path=foo://x/y.pth"),
    ],
)
def test_bad_orders_of_models_get_one_line(
    words: tuple[str, ...],
    said: str,
    texts: Path,
    tmp_path: Path,
    store: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert score(texts, tmp_path / "run", *words) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_was_ordered_is_recorded(texts: Path, tmp_path: Path) -> None:
    path = saved(random_rwkv(Version.V5_2, **SIZES), tmp_path / "old.pth")
    words = (f"model.path={path}", "model.group_norm_eps=1e-5")
    assert score(texts, tmp_path / "run", *words) == 0
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())
    assert recorded["order"]["model"]["group_norm_eps"] == 1e-5
    assert recorded["semantic"]["model.group_norm_eps"] == 1e-5


@pytest.mark.slow
def test_a_model_on_the_hub_is_pinned_and_scored_again_without_a_network(
    texts: Path, tmp_path: Path
) -> None:
    """In processes of their own: `huggingface_hub` reads its environment when it is imported."""
    pytest.importorskip("huggingface_hub", reason="an optional dependency")
    tensors = random_rwkv(Version.V7, **SIZES)
    write_folder(tmp_path / "fla", fla_form(tensors), fla_config(tensors), num_shards=2)
    files = {path.name: path.read_bytes() for path in (tmp_path / "fla").iterdir()}

    def give(endpoint: str, run: str) -> str:
        words = [f"data.path={texts}", f"output.path={tmp_path / run}", "engine.device=cpu"]
        return subprocess.run(
            [str(CONSOLE_SCRIPT), "score", *words, "model.path=hf://owner/name"],
            env=os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf")},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    with hub({"owner/name": files}) as server:
        give(server.endpoint, "online")
        gone = server.endpoint
    give(gone, "offline")
    for run in ("online", "offline"):
        order = json.loads((tmp_path / run / "run.json").read_text())["order"]
        assert order["model"]["path"] == f"hf://owner/name@{COMMIT}"
    assert score(texts, tmp_path / "local", f"model.path={tmp_path / 'fla'}") == 0
    assert nats(tmp_path / "online") == nats(tmp_path / "offline") == nats(tmp_path / "local")
