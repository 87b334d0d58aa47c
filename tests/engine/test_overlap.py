"""Results that are handed out while the device is at later steps: the same, in the same order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine import Sampling
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError
from longriver.engine.generate.sequence import GeneratingSequence
from longriver.engine.network import Network
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.saved import packed
from longriver.engine.sequence import Sequence
from longriver.engine.state import State
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.transfer import CpuTransfer, Transfer
from longriver.engine.version import Version
from longriver.engine.wants import NLL, Wants
from longriver.engine.windowed import WindowedSequence
from tests.checkpoints import network_of, random_rwkv
from tests.engine.late import LateTransfer
from tests.engine.reading import engine_of, pieces, tokens_of
from tests.engine.test_cuts import At

KINDS = ("plain", "snapshots", "broken", "again", "generate", "candidates", "cut")
WANTS = (
    NLL,
    Wants(layer=1),
    Wants(nll=False, layer=-1),
    Wants(nll=False, state=True),
    Wants(window=7),
)
HOW = Sampling(max_tokens=4, temperature=1.5, stop=("\x05",))

Event = tuple[object, ...]


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


@dataclass(frozen=True)
class Text:
    """A document of a test, by what becomes of it."""

    kind: str
    ids: tuple[int, ...]
    splits: tuple[int, ...]


TEXTS = st.builds(
    Text,
    st.sampled_from(KINDS),
    st.lists(st.integers(0, 255), max_size=40).map(tuple),
    st.lists(st.integers(0, 40), max_size=2).map(tuple),
)


class Scene:
    """Texts on their way through an engine, and what comes of them.

    Args:
        is_row: no text can be opened before the one before it has been pulled to its end.
    """

    def __init__(self, engine: Engine, texts: list[Text], wants: Wants, is_row: bool) -> None:
        self.engine, self.texts, self.wants, self.is_row = engine, texts, wants, is_row
        self.num_ended = 0
        self.cuts: dict[Sequence, At] = {}

    def events(self) -> list[Event]:
        return [self._event(result) for result in self.engine.run(self.sequences(), self.wants)]

    def sequences(self) -> Iterator[Sequence | None]:
        for number, text in enumerate(self.texts):
            yield self._sequence(number, text)
            while self.is_row and self.num_ended <= number:
                yield None

    def _sequence(self, key: int, text: Text) -> Sequence:
        every = 5 if text.kind == "snapshots" else None
        found = self._opened(key, self._pieces(text), every)
        if text.kind == "again":
            found.followers = (self._opened(f"{key} again", iter([tokens_of([*text.ids])]), None),)
        if text.kind == "generate":
            found.followers = tuple(self.engine.continuation(key, HOW, "", n) for n in range(2))
        if text.kind == "candidates":
            found.followers = tuple(self.engine.candidates(key, b"", [b"so", b"that it is"]))
        if text.kind == "cut" and self.wants.window is None:
            found.cuts = self.cuts[found] = At([3, 4, 17], 6)
        return found

    def _opened(self, key: object, tokens: Iterator[Tokens], every: int | None) -> Sequence:
        if self.wants.window is not None:
            return WindowedSequence(key, tokens, 0, self.wants.window, every)
        return Sequence(key, tokens, 0, None, every, self.wants.reads_last)

    def _pieces(self, text: Text) -> Iterator[Tokens]:
        try:
            yield from pieces(tokens_of([*text.ids]), [*text.splits])
            if text.kind == "broken":
                raise DocumentError("corrupt_file", "the rest is missing")
        finally:
            self.num_ended += 1

    def _event(self, result: ScoredChunk | Failed) -> Event:
        sequence = result.sequence
        if isinstance(result, Failed):
            return sequence.key, result.error.reason, result.error.detail
        if sequence in self.cuts:
            self.cuts[sequence].num_read += len(result.read)
        piece = sequence.piece if isinstance(sequence, GeneratingSequence) else ""
        return (
            (sequence.key, result.is_last, piece),
            (result.tokens.ids.tolist(), result.tokens.ends.tolist(), result.read.ids.tolist()),
            result.nll.tobytes(),
            None if result.hidden is None else result.hidden.cpu().numpy().tobytes(),
            None if result.state is None else _bytes_of(result.state),
            None if result.snapshot is None else packed(result.snapshot.save()),
        )


def _bytes_of(state: State) -> bytes:
    return state.shift.cpu().numpy().tobytes() + state.wkv.cpu().numpy().tobytes()


@settings(max_examples=150)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6),
    wants=st.sampled_from(WANTS),
    version=st.sampled_from([Version.V4, Version.V6, Version.V7]),
    depth=st.integers(1, 3),
    budget=st.integers(1, 40),
    num_slots=st.integers(1, 4),
    is_row=st.booleans(),
)
def test_late_results_are_the_same_in_the_same_order(
    texts: list[Text],
    wants: Wants,
    version: Version,
    depth: int,
    budget: int,
    num_slots: int,
    is_row: bool,
) -> None:
    def events(transfer: Transfer) -> list[Event]:
        engine = engine_of(network(version), transfer, tokens_per_step=budget, num_slots=num_slots)
        return Scene(engine, texts, wants, is_row).events()

    expected = events(CpuTransfer(0))
    assert events(CpuTransfer(depth)) == expected
    assert events(LateTransfer(depth)) == expected


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_step_is_launched_before_the_one_before_it_is_waited_for(depth: int) -> None:
    transfer = LateTransfer(depth)
    engine = engine_of(network(), transfer, tokens_per_step=8)
    results = engine.run(iter([Sequence(0, iter([tokens_of([7] * 48)]), 0)]))
    seen = [(transfer.num_marked, transfer.num_waited) for _ in results]
    assert seen == [(min(n + depth, 6), n) for n in range(1, 7)]


def test_on_a_cpu_nothing_is_late() -> None:
    assert engine_of(network()).transfer.depth == 0


def test_what_writes_itself_is_waited_for_at_every_step() -> None:
    transfer = LateTransfer(2)
    engine = engine_of(network(), transfer, tokens_per_step=8)
    trunk = engine.sequence("trunk", [b"A river has no end."])
    trunk.followers = (engine.continuation("written", Sampling(max_tokens=5), "", 0),)
    beside = Sequence("beside", iter([tokens_of([7] * 100)]), 0)
    late: dict[object, list[int]] = {"trunk": [], "written": [], "beside": []}
    for result in engine.run(iter([trunk, beside])):
        late[result.sequence.key].append(transfer.num_marked - transfer.num_waited)
    assert late["written"] == [0] * 5 and late["trunk"][-1] == 0
    assert max(late["trunk"]) == max(late["beside"]) == 2


def test_results_come_before_the_error_of_the_step_behind_them() -> None:
    def failing() -> Iterator[Sequence]:
        yield Sequence("good", iter([tokens_of([7] * 8)]), 0)
        raise MemoryError("no more")

    engine = engine_of(network(), LateTransfer(2), tokens_per_step=4, num_slots=1)
    reading = iter(engine.run(failing()))
    found = [next(reading), next(reading)]
    with pytest.raises(MemoryError, match="no more"):
        next(reading)
    assert [isinstance(each, ScoredChunk) and each.is_last for each in found] == [False, True]


@cache
def broken_model() -> Network:
    """Byte 9 makes numbers that are none."""
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=16)
    tensors["emb.weight"][9] = 3e38
    return network_of(tensors)


@settings(max_examples=40)
@given(
    texts=st.lists(
        st.builds(
            Text,
            st.sampled_from(("plain", "snapshots", "again")),
            st.lists(st.integers(0, 12), max_size=30).map(tuple),
            st.just((9,)),
        ),
        min_size=1,
        max_size=5,
    ),
    depth=st.integers(1, 3),
    budget=st.integers(1, 20),
    num_slots=st.integers(1, 4),
)
def test_a_document_fails_once_and_alone_whatever_is_late(
    texts: list[Text], depth: int, budget: int, num_slots: int
) -> None:
    """Where a number is none; what was launched of it since then is not handed out."""

    def outcome(transfer: Transfer) -> dict[object, list[object]]:
        engine = engine_of(broken_model(), transfer, tokens_per_step=budget, num_slots=num_slots)
        found: dict[object, list[object]] = {}
        for result in engine.run(Scene(engine, texts, NLL, False).sequences()):
            so_far = found.setdefault(result.sequence.key, [])
            assert "nonfinite" not in so_far
            so_far += [result.error.reason] if isinstance(result, Failed) else result.nll.tolist()
        return {k: ["nonfinite"] if "nonfinite" in v else v for k, v in found.items()}

    assert outcome(LateTransfer(depth)) == outcome(CpuTransfer(0))


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("bad", [[], [9]])
def test_a_document_that_failed_before_it_broke_does_not_fail_twice(
    bad: list[int], depth: int
) -> None:
    def events(transfer: Transfer) -> list[Event]:
        engine = engine_of(broken_model(), transfer, tokens_per_step=4, num_slots=2)
        texts = [Text("broken", (*bad, 1, 2, 3, 4, 5), ()), Text("plain", (5,) * 20, ())]
        return Scene(engine, texts, NLL, False).events()

    expected = events(CpuTransfer(0))
    assert [e[:2] for e in expected if e[0] == 0] == [(0, "nonfinite" if bad else "corrupt_file")]
    assert events(LateTransfer(depth)) == expected


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_snapshot_that_is_wished_for_comes_with_the_next_chunk_taken(depth: int) -> None:
    ids = list(range(100))
    engine = engine_of(network(), LateTransfer(depth), tokens_per_step=10)

    def read(start: Sequence) -> tuple[list[float], dict[int, Sequence]]:
        nats: list[float] = []
        goes_on: dict[int, Sequence] = {}
        for result in engine.run(iter([start])):
            assert isinstance(result, ScoredChunk)
            nats += result.nll.tolist()
            if len(nats) == 30:
                start.want_snapshot()
            if result.snapshot is not None:
                place, state = result.snapshot.place, result.snapshot.state
                rest = iter([tokens_of(ids[place.num_tokens :])])
                goes_on[len(nats)] = Sequence(0, rest, place.last_token, state)
        return nats, goes_on

    whole, goes_on = read(Sequence(0, iter([tokens_of(ids)]), 0))
    [(num_tokens, rest)] = goes_on.items()
    assert num_tokens == 40 + 10 * depth
    assert read(rest)[0] == whole[num_tokens:]
