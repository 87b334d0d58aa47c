"""Single files: read as views where they are whole, refused in one line where they are not."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.weights.conversions import write_file
from tests.engine.weights.orders import read, refusal, same, tiny

SUFFIXES = [".pth", ".safetensors", ".bin"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_file_is_read_to_the_bit(tmp_path: Path, suffix: str, dtype: torch.dtype) -> None:
    tensors = {key: x.to(dtype) for key, x in tiny().items()}
    assert same(read(write_file(tmp_path / f"model{suffix}", tensors)), tensors)


def test_the_embedded_model_is_read() -> None:
    assert read("demo")["emb.weight"].shape[0] == 256


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_mapped_and_not_copied(tmp_path: Path, suffix: str) -> None:
    tensors = {"a": torch.ones(1000), "b": torch.ones(500)}
    found = read(write_file(tmp_path / f"model{suffix}", tensors))
    storages = {x.untyped_storage().data_ptr() // (1 << 20) for x in found.values()}
    assert len(storages) == 1, "both are views of one map of the file"


def test_parameters_and_ordered_dicts_are_tensors_too(tmp_path: Path) -> None:
    content = OrderedDict(a=torch.nn.Parameter(torch.ones(2)), b=torch.zeros(1))
    torch.save(content, tmp_path / "model.pth")
    found = read(tmp_path / "model.pth")
    assert list(found) == ["a", "b"] and not found["a"].requires_grad


class _Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.witness}",)


@pytest.mark.parametrize("is_bare", [True, False])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, is_bare: bool) -> None:
    witness, path = tmp_path / "it-ran", tmp_path / "hostile.pth"
    if is_bare:
        path.write_bytes(pickle.dumps(_Hostile(witness)))
    else:
        torch.save({"emb.weight": torch.zeros(2, 2), "x": _Hostile(witness)}, path)
    message = refusal(path)
    assert str(path) in message and (is_bare or "nothing of it was run" in message)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.zeros(1)], "holds a list"),
        ({"state_dict": {"a": torch.zeros(1)}}, "'state_dict' that is a dict"),
        ({"_strategy": "cuda fp16i8", "_version": 4}, "was converted by the `rwkv` package"),
        ({3: torch.zeros(1)}, "entry 3 that is a Tensor"),
        ({"a\nb": torch.zeros(1)}, "name 'a\\nb'"),
        ({"a": torch.zeros(1).to_sparse()}, "no plain tensor"),
        ({"a": torch.zeros(3, device="meta")}, "no plain tensor"),
        ({"a": torch.zeros(1).expand(10**6, 10**6)}, "more than the numbers that are there"),
    ],
)
def test_what_is_no_dict_of_plain_tensors_is_refused(
    tmp_path: Path, content: object, words: str
) -> None:
    torch.save(content, tmp_path / "odd.pth")
    assert words in refusal(tmp_path / "odd.pth")


def test_a_zip_archive_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.pth", "w") as archive:
        archive.writestr("holiday.jpg", b"sea")
    assert "damaged PyTorch checkpoint" in refusal(tmp_path / "photos.pth")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(50 << 20))
    assert path.stat().st_size < 100_000
    assert "compressed archive" in refusal(path)


def test_an_archive_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "model.pth", tiny(num_layers=1))
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(content)
    assert "more than it can" in refusal(path)


def test_numbers_beyond_the_end_of_their_record_are_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "model.pth", {"a": torch.zeros(1000)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    shape = pickle.dumps(1000, protocol=2)[2:-1]
    huge = b"J" + (1_000_000_000).to_bytes(4, "little")
    with zipfile.ZipFile(tmp_path / "huge.pth", "w") as changed:
        for name, content in members.items():
            changed.writestr(name, content.replace(shape, huge))
    assert "damaged PyTorch checkpoint" in refusal(tmp_path / "huge.pth")


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "program.pth", "w") as changed:
        for name, content in members.items():
            changed.writestr(name, content)
        changed.writestr("archive/constants.pkl", b"")
    refusal(tmp_path / "program.pth")


def test_a_damaged_end_of_the_archive_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "model.pth", tiny(num_layers=1))
    content = bytearray(path.read_bytes())
    disks = content.rfind(b"PK\x06\x07") + 16
    content[disks : disks + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("size", [2**62, 90_000_000, 2**20, 0])
def test_a_safetensors_header_of_absurd_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + b"{}" * 100)
    assert "is not a whole safetensors file" in refusal(path)


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000000]}}',
        b'{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
        b'{"a\\n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    ],
)
def test_a_safetensors_header_that_lies_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert str(path) in refusal(path)


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    refusal(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = write_file(tmp_path / "model.pth", {"a": torch.zeros(1)})
    path.chmod(0)
    assert "cannot be read (Permission denied)" in refusal(path)


def test_tied_tensors_share_their_numbers(tmp_path: Path) -> None:
    shared = torch.ones(4, 4)
    torch.save({"emb.weight": shared, "head.weight": shared}, tmp_path / "model.pth")
    found: dict[str, Tensor] = read(tmp_path / "model.pth")
    assert found["emb.weight"].data_ptr() == found["head.weight"].data_ptr()
