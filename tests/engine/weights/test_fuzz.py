"""Damage of any kind, anywhere, either loads or is refused in one line."""

import functools
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.weights import fingerprint, read_tensors
from tests.engine.weights.adapters import low_rank, peft_folder
from tests.engine.weights.conversions import fla_config, fla_form, write_file, write_folder
from tests.engine.weights.orders import EPS, one_line, order, tiny

SMALL = {"num_layers": 1, "num_heads": 1, "vocab_size": 16}
Change = Callable[[bytes], bytes]
INDEX = "model.safetensors.index.json"

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**4000, "../x.safetensors", "model.safetensors", "a\nb", "\ud800"])
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Cuts a file off, or overwrites, removes or doubles stretches of it near its ends."""
    kind = draw(st.sampled_from(["cut", "bytes", "remove", "double"]))
    places = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
    near = draw(st.sampled_from([200, 2000, 10**9]))

    def change(content: bytes) -> bytes:
        found = bytearray(content)
        for share, value in places:
            reach = min(near, len(found))
            start = int(share * reach) - (reach if value % 2 else 0)
            place = start % max(1, len(found))
            if kind == "cut":
                return bytes(found[:place])
            if kind == "bytes" and found:
                found[place] = value
            if kind == "remove":
                del found[place : place + 1 + value % 9]
            if kind == "double":
                found[place:place] = found[place : place + 1 + value % 90]
        return bytes(found)

    return change


@functools.cache
def originals() -> dict[str, dict[str, bytes]]:
    """Files of small checkpoints and adapters, by kind and name."""
    tensors = tiny(**SMALL)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        write_file(home / "a.pth", tensors)
        write_file(home / "a.safetensors", tensors)
        sharded = write_folder(home / "fla", fla_form(tensors), fla_config(tensors), num_shards=2)
        pair = low_rank(["lm_head.weight"], fla_form(tensors))
        peft = peft_folder(home / "peft", pair, alpha_pattern={"lm_head": 3})
        return {
            "pth": {"a.pth": (home / "a.pth").read_bytes()},
            "safetensors": {"a.safetensors": (home / "a.safetensors").read_bytes()},
            "fla": {path.name: path.read_bytes() for path in sharded.iterdir()},
            "peft": {path.name: path.read_bytes() for path in peft.iterdir()},
        }


def try_to_load(kind: str, replaced: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for file, content in (originals()[kind] | replaced).items():
            (home / file).write_bytes(content)
        try_order(_order(kind, home))


def _order(kind: str, home: Path) -> ModelConfig:
    if kind != "peft":
        return order(home if kind == "fla" else next(home.iterdir()), group_norm_eps=EPS)
    (home / "base.pth").write_bytes(originals()["pth"]["a.pth"])
    return order(home / "base.pth", lora=home)


def try_order(model: ModelConfig) -> None:
    for action in (read_tensors, fingerprint):
        try:
            action(model)
        except OrderError as error:
            one_line(error)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("pth", "a.pth"),
        ("safetensors", "a.safetensors"),
        ("fla", INDEX),
        ("fla", "config.json"),
        ("fla", "model-00001-of-00002.safetensors"),
        ("peft", "adapter_config.json"),
        ("peft", "adapter_model.safetensors"),
    ],
)
@given(change=changes())
@settings(max_examples=60)
def test_damage_is_one_line(kind: str, file: str, change: Change) -> None:
    try_to_load(kind, {file: change(originals()[kind][file])})


@given(change=changes())
@settings(max_examples=150)
def test_a_damaged_pickle_inside_a_whole_archive_is_one_line(change: Change) -> None:
    """Archives have checksums: this one is written anew, so that the unpickler is reached."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "whole").write_bytes(originals()["pth"]["a.pth"])
        with zipfile.ZipFile(home / "whole") as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        with zipfile.ZipFile(home / "changed.pth", "w") as changed:
            for member, content in members.items():
                is_pickle = member.endswith("data.pkl")
                changed.writestr(member, change(content) if is_pickle else content)
        try_order(order(home / "changed.pth"))


@pytest.mark.parametrize(
    ("kind", "file"),
    [("fla", INDEX), ("fla", "config.json"), ("peft", "adapter_config.json")],
)
@given(field=st.text(max_size=4) | st.integers(0, 99), value=ANY_JSON)
@settings(max_examples=100)
def test_any_json_in_any_field_is_one_line(
    kind: str, file: str, field: str | int, value: object
) -> None:
    content = json.loads(originals()[kind][file])
    inner = content["weight_map"] if file == INDEX else content
    name = field if isinstance(field, str) else sorted(inner)[field % len(inner)]
    inner[name] = value
    try_to_load(kind, {file: dumped(content)})
    try_to_load(kind, {file: dumped({"weight_map": value, "model_type": value})})
    try_to_load(kind, {file: dumped(value)})


def dumped(content: object) -> bytes:
    return json.dumps(content, default=str).encode()


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_are_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        for suffix in (".pth", ".safetensors"):
            file = Path(name) / f"model{suffix}"
            file.write_bytes(content)
            try_order(order(file))


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_safetensors_header_is_one_line(header: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "model.safetensors"
        file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
        try_order(order(file))
