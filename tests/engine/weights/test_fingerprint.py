"""The same content has the same fingerprint; whatever changes the weights changes it."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.weights import fingerprint, locate
from tests.engine.weights.adapters import low_rank, peft_folder
from tests.engine.weights.conversions import fla_config, fla_form, write_file, write_folder
from tests.engine.weights.orders import one_line, order, tiny


def of(path: Path | str, **model: object) -> str:
    return fingerprint(order(path, **model))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def adapter() -> dict[str, Tensor]:
    return low_rank(["blocks.0.att.key.weight"], tiny())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_single_file_is_its_sha256(tmp_path: Path, suffix: str) -> None:
    file = write_file(tmp_path / f"model{suffix}", tiny())
    assert of(file) == sha256(file)
    assert of("demo") == sha256(locate("demo"))


def test_names_and_places_do_not_count(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", tiny(), fla_config(tiny()), num_shards=2)
    before = of(folder)
    shutil.copytree(folder, tmp_path / "b")
    (tmp_path / "b" / "README.md").write_text("new")
    (tmp_path / "b" / "tokenizer_config.json").write_text("{}")
    assert of(tmp_path / "b") == before != sha256(folder / "model-00001-of-00002.safetensors")


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", fla_form(tiny()), fla_config(tiny()))
    assert of(folder) == of(folder / "model.safetensors")


def test_everything_that_makes_the_weights_counts(tmp_path: Path) -> None:
    base = write_file(tmp_path / "base.pth", tiny())
    lora = write_file(tmp_path / "lora.pth", adapter())
    state = write_file(tmp_path / "state.pth", {"blocks.0.att.time_state": torch.zeros(2, 8, 8)})
    orders: list[dict[str, object]] = [
        {},
        {"lora": lora, "lora_alpha": 8},
        {"lora": lora, "lora_alpha": 9},
        {"state": state},
        {"state": state, "lora": lora, "lora_alpha": 8},
        {"group_norm_eps": 1e-5},
        {"group_norm_eps": 64e-5},
        {"lora": peft_folder(tmp_path / "one", adapter())},
        {"lora": peft_folder(tmp_path / "two", adapter(), lora_alpha=9)},
    ]
    assert len({of(base, **settings) for settings in orders}) == len(orders)
    before = of(base, lora=lora, lora_alpha=8)
    write_file(lora, {key: x + 1 for key, x in adapter().items()})
    assert of(base, lora=lora, lora_alpha=8) != before


def test_what_an_adapter_says_of_its_origin_does_not_count(tmp_path: Path) -> None:
    base = write_file(tmp_path / "base.pth", tiny())
    one = peft_folder(tmp_path / "one", adapter())
    two = peft_folder(tmp_path / "two", adapter(), base_model_name_or_path="elsewhere")
    assert of(base, lora=one) == of(base, lora=two)


def test_tokenizers_and_prefixes_do_not_count(tmp_path: Path) -> None:
    base = write_file(tmp_path / "base.pth", tiny())
    assert of(base, tokenizer="bytes", prefix_token=3) == of(base)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        of("demo", lora=tmp_path / "nowhere.pth", lora_alpha=8)
    assert "nowhere.pth does not exist" in one_line(caught.value)
