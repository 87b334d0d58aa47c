"""LoRA files of RWKV-LM-LoRA and RWKV-PEFT: merged as upstream's scripts do, or refused by name."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.version import Version
from tests.engine.weights.adapters import expected, low_rank
from tests.engine.weights.conversions import fla_form, write_file
from tests.engine.weights.orders import read, refusal, same, tiny

ADAPTED = ("blocks.0.att.receptance", "blocks.1.ffn.key", "blocks.1.ffn.value", "head")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_file(tmp_path / "base.pth", tiny())


def adapter() -> dict[str, Tensor]:
    return low_rank([f"{stem}.weight" for stem in ADAPTED], tiny())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_gain_alpha_over_rank_times_b_a(base: Path, suffix: str) -> None:
    lora = write_file(base.with_name(f"lora{suffix}"), adapter())
    found, before = read(base, lora=lora, lora_alpha=32), tiny()
    for stem in ADAPTED:
        weight = before.pop(f"{stem}.weight")
        wanted = expected(weight, adapter(), stem, 32 / 4)
        assert (found.pop(f"{stem}.weight") - wanted).abs().max() < 1e-5
    assert same(found, before)


def test_a_merged_weight_keeps_its_number_type_and_is_rounded_once(tmp_path: Path) -> None:
    halves = {key: x.bfloat16() for key, x in tiny().items()}
    base = write_file(tmp_path / "base.pth", halves)
    lora = write_file(tmp_path / "lora.pth", {k: x.bfloat16() for k, x in adapter().items()})
    found = read(base, lora=lora, lora_alpha=8)["head.weight"]
    rounded = {key: x.bfloat16() for key, x in adapter().items()}
    wanted = expected(halves["head.weight"], rounded, "head", 2)
    assert found.dtype == torch.bfloat16
    assert (found != wanted.bfloat16()).float().mean() < 0.01, "but for ties that float32 breaks"
    assert ((found.double() - wanted).abs() <= wanted.abs() * 2**-8 + 1e-6).all()


def test_the_file_is_not_written_to(base: Path) -> None:
    before = base.read_bytes()
    lora = write_file(base.with_name("lora.pth"), adapter())
    read(base, lora=lora, lora_alpha=8)
    assert base.read_bytes() == before


def test_fully_trained_tensors_take_the_place_of_the_checkpoints(base: Path) -> None:
    trained = {"blocks.0.ln1.weight": torch.full((16,), 3.0), "emb.weight": torch.ones(40, 16)}
    trained["blocks.0.att.x_r"] = torch.full((1, 1, 16), 0.5)
    lora = write_file(base.with_name("lora.pth"), adapter() | trained)
    found = read(base, lora=lora, lora_alpha=8)
    assert same({key: found[key] for key in trained}, trained)


def test_a_weight_that_is_replaced_and_adapted_is_both(base: Path) -> None:
    lora = write_file(base.with_name("lora.pth"), adapter() | {"head.weight": torch.zeros(40, 16)})
    found = read(base, lora=lora, lora_alpha=4)
    wanted = expected(torch.zeros(40, 16), adapter(), "head", 1)
    assert torch.allclose(found["head.weight"].double(), wanted, atol=1e-6)


def test_a_checkpoint_in_fla_form_takes_the_same_file(base: Path) -> None:
    fla = write_file(base.with_name("fla.safetensors"), fla_form(tiny()))
    lora = write_file(base.with_name("lora.pth"), adapter())
    settings = {"lora": lora, "lora_alpha": 8}
    assert same(read(fla, **settings), read(base, **settings))


def test_a_state_beside_the_adapter_is_kept(base: Path) -> None:
    state = {f"blocks.{i}.att.time_state": torch.rand(2, 8, 8) for i in range(2)}
    lora = write_file(base.with_name("lora.pth"), adapter() | state)
    found = read(base, lora=lora, lora_alpha=8)
    assert same({key: found[key] for key in state}, state)


def test_alpha_must_be_said_and_must_have_an_effect(base: Path) -> None:
    lora = write_file(base.with_name("lora.pth"), adapter())
    assert "set model.lora_alpha" in refusal(base, lora=lora)
    assert "model.lora_alpha=8 has no effect without model.lora" in refusal(base, lora_alpha=8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"blocks.9.att.key.lora_A": (4, 16), "blocks.9.att.key.lora_B": (16, 4)}, "no blocks.9"),
        ({"head.lora_A": (4, 17)}, "head for shape (40, 17), but head.weight of model.path has"),
        ({"head.lora_B": (41, 4)}, "has head for shape (41, 16)"),
        ({"head.lora_B": (40, 5)}, "[out, rank] times [rank, in] is needed"),
        ({"head.lora_A": (16,)}, "[out, rank] times [rank, in] is needed"),
        ({"head.lora_A": (0, 16), "head.lora_B": (40, 0)}, "[out, rank] times [rank, in]"),
        ({"novelty": (3,)}, "has novelty, but the checkpoint of model.path has no novelty"),
        ({"blocks.0.ln1.weight": (3,)}, "has blocks.0.ln1.weight for shape (3,)"),
        ({"head.lora_M": (40,)}, "that is DoRA"),
        ({"blocks.0.att.key.bone": (4, 16)}, "that is Bone (MiSS)"),
        ({"blocks.0.att.key.disha": (4, 16)}, "that is DiSHA (MiSS)"),
        ({"blocks.0.att.key.init_lora_A": (4, 16)}, "the starting point of a PiSSA training"),
        ({"blocks.0.att.key.lora_C": (4, 16)}, "a kind of LoRA that is not known here"),
    ],
)
def test_what_does_not_fit_is_named(
    base: Path, changes: dict[str, tuple[int, ...]], words: str
) -> None:
    tensors = adapter() | {key: torch.zeros(shape) for key, shape in changes.items()}
    lora = write_file(base.with_name("lora.pth"), tensors)
    message = refusal(base, lora=lora, lora_alpha=8)
    assert words in message and message.startswith(f"model.lora={lora}")


def test_a_huge_product_is_never_computed(base: Path) -> None:
    stem = "blocks.0.att.key"
    tensors = {f"{stem}.lora_A": torch.zeros(1, 10**6), f"{stem}.lora_B": torch.zeros(10**6, 1)}
    lora = write_file(base.with_name("lora.pth"), tensors)
    assert "for shape (1000000, 1000000)" in refusal(base, lora=lora, lora_alpha=8)


def test_one_half_of_a_pair_is_named(base: Path) -> None:
    tensors = adapter()
    del tensors["head.lora_B"]
    lora = write_file(base.with_name("lora.pth"), tensors)
    assert "lacks head.lora_B" in refusal(base, lora=lora, lora_alpha=8)


@pytest.mark.parametrize("key", ["head.lora_A", "head.lora_B", "emb.weight"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_named(base: Path, key: str, value: float) -> None:
    tensors = adapter() | {"emb.weight": torch.zeros(40, 16)}
    tensors[key][1, 1] = value
    lora = write_file(base.with_name("lora.pth"), tensors)
    assert f"has {key} with NaN or infinite" in refusal(base, lora=lora, lora_alpha=8)


def test_integers_are_no_adapter_and_cannot_be_adapted(base: Path) -> None:
    lora = write_file(base.with_name("lora.pth"), adapter())
    integers = adapter() | {"head.lora_A": torch.ones(4, 16, dtype=torch.int8)}
    bad = write_file(base.with_name("bad.pth"), integers)
    assert "has head.lora_A as torch.int8" in refusal(base, lora=bad, lora_alpha=8)
    whole = tiny() | {"head.weight": torch.ones(40, 16, dtype=torch.int8)}
    write_file(base, whole)
    assert "head.weight, but that is torch.int8" in refusal(base, lora=lora, lora_alpha=8)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [({}, "holds nothing"), ({"emb.weight": (40, 16)}, "no lora_A and lora_B")],
)
def test_a_file_without_a_pair_is_no_lora(
    base: Path, tensors: dict[str, tuple[int, ...]], words: str
) -> None:
    content = {key: torch.zeros(shape) for key, shape in tensors.items()}
    lora = write_file(base.with_name("lora.pth"), content)
    assert words in refusal(base, lora=lora, lora_alpha=8)


@pytest.mark.parametrize("version", list(Version))
def test_every_version_is_adapted(tmp_path: Path, version: Version) -> None:
    tensors = tiny(version)
    names = ("blocks.1.att.key.weight", "blocks.0.ffn.value.weight")
    base = write_file(tmp_path / "base.pth", tensors)
    lora = write_file(tmp_path / "lora.pth", low_rank(names, tensors))
    found = read(base, lora=lora, lora_alpha=1)
    changed = {key for key, x in tensors.items() if not torch.equal(x, found[key])}
    assert changed == set(names)
