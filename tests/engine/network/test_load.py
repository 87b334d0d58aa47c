"""What a checkpoint of any version must hold, and what is said of one that does not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.version import Version
from tests.checkpoints import loaded, network_of, random_rwkv, saved
from tests.engine.network.oracle import Oracle, read_logits

TINY = {"num_heads": 2, "head_size": 16, "vocab_size": 40}
IDS = list(range(39))
LAST_LAYERS = ("blocks.12.", "blocks.13.")
every_version = pytest.mark.parametrize("version", list(Version))


def refusal(tensors: dict[str, Tensor]) -> str:
    with pytest.raises(WeightsError) as caught:
        network_of(tensors)
    message = str(caught.value)
    assert "\n" not in message and "model.path=" in message
    return message


@every_version
def test_every_missing_key_is_named(version: Version) -> None:
    whole = random_rwkv(version, **TINY, num_layers=2)
    for key in whole:
        if key.startswith("blocks.0.att"):
            continue  # by these the version is told
        message = refusal({name: x for name, x in whole.items() if name != key})
        if version in (Version.V5_0, Version.V5_1):
            key = key.replace("time_first", "time_faaaa")  # either will do, one must be there
        assert f"{key} is missing" in message and f"RWKV-{version}?" in message


@every_version
def test_every_wrong_shape_is_named(version: Version) -> None:
    whole = random_rwkv(version, **TINY, num_layers=2)
    for key in whole:
        if key.startswith("blocks.1"):
            assert f"{key} has shape (3, 5, 7)" in refusal(whole | {key: torch.zeros(3, 5, 7)})


@every_version
def test_a_key_too_many_is_named(version: Version) -> None:
    tensors = random_rwkv(version, **TINY) | {"blocks.1.att.novelty": torch.zeros(3)}
    assert "blocks.1.att.novelty is no part of RWKV-" in refusal(tensors)


@every_version
@pytest.mark.parametrize("value", [torch.nan, -torch.inf])
def test_numbers_that_are_not_finite_are_named(version: Version, value: float) -> None:
    tensors = random_rwkv(version, **TINY)
    tensors["blocks.1.ffn.value.weight"][3, 3] = value
    assert "blocks.1.ffn.value.weight holds NaN or infinite" in refusal(tensors)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.float8_e4m3fn, torch.complex64])
def test_numbers_of_another_type_are_named(dtype: torch.dtype) -> None:
    tensors = random_rwkv(Version.V6, **TINY)
    tensors["head.weight"] = tensors["head.weight"].to(dtype)
    assert f"head.weight is {dtype}" in refusal(tensors)


def test_a_layer_number_that_is_absurd_is_refused_at_once() -> None:
    tensors = random_rwkv(Version.V7, **TINY) | {"blocks.999999.ln1.weight": torch.zeros(32)}
    assert "blocks.999999 is a layer beyond" in refusal(tensors)


def test_heads_that_are_not_the_same_in_all_layers_are_refused() -> None:
    for version, key in ((Version.V7, "r_k"), (Version.V6, "time_faaaa")):
        tensors = random_rwkv(version, **TINY)
        tensors[f"blocks.1.att.{key}"] = torch.ones(4, 8)
        assert f"blocks.1.att.{key} has shape (4, 8), (2, 16)" in refusal(tensors)


@pytest.mark.parametrize("shape", [(3,), (0,), ()])
def test_heads_that_do_not_divide_the_width_are_refused(shape: tuple[int, ...]) -> None:
    tensors = random_rwkv(Version.V5_1, **TINY)
    tensors["blocks.0.att.time_decay"] = torch.zeros(shape)
    assert "blocks.0.att.time_decay" in refusal(tensors)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_files_of_another_precision_load_as_float32(dtype: torch.dtype) -> None:
    network = network_of({k: x.to(dtype) for k, x in random_rwkv(Version.V5_2, **TINY).items()})
    assert network.head.dtype == torch.float32 and network.embedding.table.dtype == dtype


@pytest.mark.parametrize("version", [Version.V5_2, Version.V6])
def test_a_tuned_state_in_the_checkpoint_is_started_from(version: Version, tmp_path: Path) -> None:
    tensors = random_rwkv(version, **TINY)
    for i in range(2):
        tensors[f"blocks.{i}.att.time_state"] = torch.randn(2, 16, 16) / 4
    path = saved(tensors, tmp_path / "tuned.pth")
    expected, _ = Oracle(path, version).logits(IDS)
    found, _ = read_logits(loaded(path), IDS)
    untuned, _ = read_logits(network_of(random_rwkv(version, **TINY)), IDS)
    assert (found - expected).abs().max() < 2e-5 < (found - untuned).abs().max()


def test_a_tuned_state_of_version_7_is_started_from(tmp_path: Path) -> None:
    """PyPI `rwkv` never reads it, but keeps its state as files hold it: [H, V, K]."""
    tensors = random_rwkv(Version.V7, **TINY)
    oracle = Oracle(saved(tensors, tmp_path / "plain.pth"), Version.V7)
    state = oracle.model.generate_zero_state()
    for i in range(2):
        state[i * 3 + 1] = torch.randn(2, 16, 16) / 4
        tensors[f"blocks.{i}.att.time_state"] = state[i * 3 + 1].clone()
    expected, _ = oracle.logits(IDS, state)
    found, _ = read_logits(network_of(tensors), IDS)
    assert (found - expected).abs().max() < 2e-5


@pytest.mark.parametrize("version", [Version.V4, Version.V5_0, Version.V5_1])
def test_a_tuned_state_of_a_version_without_one_is_refused(version: Version) -> None:
    tensors = random_rwkv(version, **TINY) | {"blocks.0.att.time_state": torch.zeros(2, 16, 16)}
    assert "time_state is no part of RWKV" in refusal(tensors)


def read_with(path: Path, **model: object) -> Tensor:
    logits, _ = read_logits(loaded(path, **model), IDS)
    return logits


def test_the_eps_of_the_head_norm_is_a_setting(tmp_path: Path) -> None:
    path = saved(random_rwkv(Version.V5_2, **TINY), tmp_path / "old.pth")
    assert torch.equal(read_with(path), read_with(path, group_norm_eps=64e-5))
    assert not torch.allclose(read_with(path), read_with(path, group_norm_eps=1e-5))


def test_the_eps_of_a_network_without_a_head_norm_is_refused(tmp_path: Path) -> None:
    path = saved(random_rwkv(Version.V4, **TINY), tmp_path / "old.pth")
    with pytest.raises(WeightsError, match=r"model.group_norm_eps=1e-05 has no effect on RWKV-4"):
        loaded(path, group_norm_eps=1e-5)


def deep(version: Version) -> dict[str, Tensor]:
    return random_rwkv(version, num_layers=14, num_heads=1, head_size=16, vocab_size=40)


@pytest.mark.parametrize("version", [Version.V4, Version.V5_2, Version.V6])
def test_the_rescaling_of_float16_is_invisible_outside(version: Version) -> None:
    """The last layers write more than float16 holds: unscaled, there would be no number left."""
    tensors = deep(version)
    for key in tensors:
        if key.endswith(("att.output.weight", "ffn.value.weight")):
            tensors[key] = tensors[key] * (20_000 if key.startswith(LAST_LAYERS) else 1)
    full, half = network_of(tensors), network_of(tensors, torch.float16)
    assert half.halves and not full.halves
    expected, found = (read_logits(network, IDS)[0].log_softmax(1) for network in (full, half))
    assert torch.isfinite(found).all()
    assert (found - expected).abs().mean() < 0.1


def test_version_7_and_bfloat16_are_not_rescaled() -> None:
    assert not network_of(deep(Version.V7), torch.float16).halves
    assert not network_of(deep(Version.V4), torch.bfloat16).halves


@pytest.mark.parametrize("name", ["time_first", "time_faaaa"])
def test_both_names_of_the_bonus_are_read(name: str) -> None:
    tensors = random_rwkv(Version.V5_2, **TINY)
    raw = {i: tensors.pop(f"blocks.{i}.att.time_faaaa").abs() for i in range(2)}
    expected = tensors | {f"blocks.{i}.att.time_faaaa": u for i, u in raw.items()}
    given = {i: u.log() if name == "time_first" else u for i, u in raw.items()}
    found = network_of(tensors | {f"blocks.{i}.att.{name}": u for i, u in given.items()})
    logits, _ = read_logits(found, IDS)
    assert torch.allclose(logits, read_logits(network_of(expected), IDS)[0], atol=1e-5)
