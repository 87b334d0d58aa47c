"""A state is a value: taken, put, cloned, saved, and refused by any other model."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from longriver.engine.errors import StateError
from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.state import State
from longriver.engine.state_layout import from_rwkv
from longriver.engine.version import Version
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of, tokens_of

IDS = list(b"What is remembered of this is all that is left of it.")


@dataclass(frozen=True)
class NamedModel:
    """A model that says what it is called; real ones hash their files."""

    blank: State
    fingerprint: str = "a" * 64


@cache
def network(version: Version, num_heads: int = 2) -> Network:
    return network_of(random_rwkv(version, num_heads=num_heads, head_size=16))


def model_of(version: Version, num_heads: int = 2) -> NamedModel:
    return NamedModel(network(version, num_heads).blank)


def state_of(version: Version) -> State:
    _, first = read_logits(network(version), IDS)
    _, second = read_logits(network(version), IDS[::-1])
    both = network(version).blank.take([0, 0])
    both.put([0], first)
    both.put([1], second)
    return both


def assert_equal(found: State, expected: State) -> None:
    assert found.version == expected.version
    assert torch.equal(found.shift, expected.shift) and torch.equal(found.wkv, expected.wkv)


every_version = pytest.mark.parametrize("version", list(Version))


@every_version
def test_what_is_taken_shares_no_memory_with_what_it_was_taken_from(version: Version) -> None:
    state = state_of(version)
    taken, before = state.take([1, 0, 1]), state.clone()
    state.put([0, 1], network(version).blank.take([0, 0]))
    assert_equal(taken, before.take([1, 0, 1]))
    assert not torch.equal(state.wkv, before.wkv)


@every_version
def test_a_saved_state_comes_back_to_the_bit_and_is_read_on_from(
    version: Version, tmp_path: Path
) -> None:
    _, state = read_logits(network(version), IDS[:20])
    state.save(tmp_path / "state.safetensors", model_of(version))
    loaded = State.load(tmp_path / "state.safetensors", model_of(version))
    assert_equal(loaded, state)
    whole, _ = read_logits(network(version), IDS)
    rest, _ = read_logits(network(version), IDS[20:], state=loaded)
    assert torch.equal(rest, whole[20:])


@every_version
def test_a_sequence_goes_on_from_the_state_of_another(version: Version) -> None:
    engine = engine_of(network(version), num_slots=2, tokens_per_step=7)
    whole = Sequence("whole", iter([tokens_of(IDS)]), 0, snapshot_tokens=1)
    nats: list[np.ndarray] = []
    states: list[State] = []
    for result in engine.run(iter([whole])):
        assert isinstance(result, ScoredChunk) and result.snapshot is not None
        nats.append(result.nll)
        states.append(result.snapshot.state)
    read = len(nats[0]) + len(nats[1])
    rest = Sequence("rest", iter([tokens_of(IDS[read:])]), IDS[read - 1], start=states[1])
    others = [Sequence("other", iter([tokens_of([9] * 30)]), 0), rest]
    found = [
        result.nll
        for result in engine.run(iter(others))
        if isinstance(result, ScoredChunk) and result.sequence is rest
    ]
    assert np.array_equal(np.concatenate(found), np.concatenate(nats[2:]))


def test_memory_of_a_document_is_told() -> None:
    blank = network(Version.V7).blank
    layers, heads, size = 2, 2, 16
    assert blank.bytes_per_slot == 4 * layers * (2 * heads * size + heads * size * size)
    assert blank.take([0] * 5).bytes_per_slot == blank.bytes_per_slot


def refusal(path: Path, model: NamedModel) -> str:
    with pytest.raises(StateError) as caught:
        State.load(path, model)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_another_model_refuses_a_state_and_both_are_named(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    state_of(Version.V7).save(path, model_of(Version.V7))
    other = NamedModel(network(Version.V7).blank, fingerprint="b" * 64)
    message = refusal(path, other)
    assert "a" * 64 in message and "b" * 64 in message and "the model that made it" in message
    assert "version '7', this model's is '6'" in refusal(path, model_of(Version.V6))
    assert "not of this model" in refusal(path, model_of(Version.V7, num_heads=3))


def test_files_that_are_no_states_are_refused(tmp_path: Path) -> None:
    assert "not a whole state file" in refusal(tmp_path / "nowhere", model_of(Version.V7))
    save_file({"shift": torch.zeros(1)}, tmp_path / "plain.safetensors")
    assert "format 'none'" in refusal(tmp_path / "plain.safetensors", model_of(Version.V7))


def test_a_state_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    state, model = state_of(Version.V6), model_of(Version.V6)
    state.wkv[0, 0, 0, 0, 0] = torch.nan
    state.save(tmp_path / "state.safetensors", model)
    assert "wkv is torch.float32 or not finite" in refusal(tmp_path / "state.safetensors", model)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_never_crashes_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    path, model = tmp_path / "state.safetensors", model_of(Version.V4)
    if not path.exists():
        state_of(Version.V4).save(path, model)
    content = bytearray(path.read_bytes()[: data.draw(st.integers(0, 3000))])
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    try:
        State.load(damaged, model)
    except StateError as error:
        assert "\n" not in str(error)


def test_a_folder_that_is_not_there_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        state_of(Version.V4).save(tmp_path / "nowhere" / "state", model_of(Version.V4))
    state_of(Version.V4).save(tmp_path / "state", model_of(Version.V4))
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    assert set(load_file(tmp_path / "state")) == {"shift", "wkv"}


def test_a_list_that_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="3 tensors a layer, not 4"):
        from_rwkv(Version.V7, [torch.zeros(1)] * 4)
