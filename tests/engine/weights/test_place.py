"""Paths of an order: found, made absolute, and refused where nothing readable lies."""

import os
from pathlib import Path

import pytest

from longriver.engine.config import ModelConfig
from longriver.engine.errors import WeightsError
from longriver.engine.weights import DEMO, absolute, locate, pinned, sources
from tests.engine.weights.orders import one_line, order, refusal


def test_the_demo_lies_in_the_package() -> None:
    assert locate(DEMO).name == "demo.safetensors" and locate(DEMO).is_file()


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.pth"
    assert refusal(missing).startswith(f"model.path={missing} does not exist")
    assert refusal(DEMO, lora=missing, lora_alpha=1).startswith(f"model.lora={missing} does not")
    assert refusal(DEMO, state=missing).startswith(f"model.state={missing} does not exist")


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x.pth", "x" * 5000, "a\0b"])
def test_a_path_that_can_be_none_is_refused(path: str) -> None:
    with pytest.raises(WeightsError):
        locate(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    assert "is neither a file nor a folder" in refusal(tmp_path / "pipe.pth")


@pytest.mark.parametrize("url", ["s3://bucket/model.pth", "https://x/y.pth", "file:///x.pth"])
def test_a_url_is_left_to_the_jobs(url: str) -> None:
    assert f"model.path={url} is a URL" in refusal(url)


def test_local_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = order("a.pth", lora="b", state="~/c.pth", tokenizer="t/tokenizer.json", vocab="v.txt")
    assert absolute(model) == order(
        tmp_path / "a.pth",
        lora=tmp_path / "b",
        state=Path("~/c.pth").expanduser(),
        tokenizer=tmp_path / "t/tokenizer.json",
        vocab=tmp_path / "v.txt",
    )


def test_links_are_not_followed_since_names_say_what_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"")
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "blob")
    assert absolute(order(tmp_path / "model.safetensors")).path.endswith("model.safetensors")


@pytest.mark.parametrize("name", ["auto", "world", "bytes"])
def test_what_is_built_in_stays(name: str) -> None:
    model = ModelConfig(tokenizer=name)
    assert absolute(model) == pinned(model) == model and sources(model) == {}


def test_urls_stay_as_they_are() -> None:
    model = order("s3://b/m.pth", lora="hf://a/b", lora_alpha=2, tokenizer="gs://t/tokenizer.json")
    assert absolute(model) == model


def test_a_commit_is_pinned_already() -> None:
    model = order(f"hf://owner/name@{'0a' * 20}/model.pth", vocab=f"hf://a/b@{'1b' * 20}/v.txt")
    assert pinned(model) == model


def test_errors_are_one_line() -> None:
    with pytest.raises(WeightsError) as caught:
        pinned(order("hf://not-a-repository"))
    assert "is not hf://owner/name[@revision][/file]" in one_line(caught.value)
