"""What lm-evaluation-harness asks our model, answered as its own `hf` back-end answers it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longriver.engine import Engine, EngineConfig, ModelConfig
from longriver.engine.engine import Engine as TheEngine
from longriver.engine.errors import OrderError
from longriver.engine.reading import Result
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.wants import NLL, Wants
from tests.jobs.lm_eval.peers import TOLERANCE, ask, ours, theirs

pytestmark = pytest.mark.long

PAIRS = [
    ("The river ran on", " and on, and nobody's boat"),
    ("The river ran on", " again"),
    ("The river ran on ", "and on"),
    ("The river ran on\n", "  Wasser"),
    ("", "She'd said"),
    ("It is ab", "out"),
    ("漢字と", "かな交じり文"),
    ("x", "y"),
]

TEXTS = [
    "The river ran on, and nobody's boat was ever seen again; she'd said 'it will rain' twice!",
    "Überall fließt Wasser, straße um straße. Cafés, naïve 1234 3.14 ½ und ein Ende",
    "a",
    "",
]


def test_continuations_cost_what_hf_says(folder: Path) -> None:
    peer, arguments = theirs(folder), list(PAIRS)
    [text] = ask(ours(folder), "generate_until", [("Wasser", {"max_gen_toks": 3})])
    arguments.append(("Wasser", text))
    found, expected = (ask(m, "loglikelihood", arguments) for m in (ours(folder), peer))
    for (nats, is_greedy), (peer_nats, is_peer_greedy) in zip(found, expected, strict=True):
        assert nats == pytest.approx(peer_nats, abs=TOLERANCE) and is_greedy == is_peer_greedy


def test_with_the_prefix_token_they_cost_what_hf_says_with_it(folder: Path) -> None:
    model, peer = ours(folder, add_bos_token=True), theirs(folder)
    answers = ask(model, "loglikelihood", [*PAIRS])
    for (context, continuation), (nats, _) in zip(PAIRS, answers, strict=True):
        ids, behind = peer._encode_pair(context or " ", continuation)
        if not context:
            ids, behind = [], peer.tok_encode(continuation)
        asked = (None, [0, *ids], behind)
        [(peer_nats, _)] = peer._loglikelihood_tokens([asked], disable_tqdm=True)
        assert nats == pytest.approx(peer_nats, abs=TOLERANCE)


@pytest.mark.parametrize("window", [None, 7, 16, 33])
def test_texts_cost_what_hf_says_in_windows_and_without(folder: Path, window: int | None) -> None:
    """Its cache of logits mixes up windows that read the same tokens, so it is off."""
    peer = theirs(folder, max_length=window or 2048, logits_cache=False)
    arguments = [(text,) for text in TEXTS]
    found = ask(ours(folder, window=window), "loglikelihood_rolling", arguments)
    expected = ask(peer, "loglikelihood_rolling", arguments)
    assert found == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("window", [9, 12])
def test_a_long_context_is_cut_as_hf_cuts_it(folder: Path, window: int) -> None:
    pairs = [(TEXTS[0], " and on"), (TEXTS[0] + " ", "x"), ("a", " b")]
    found = ask(ours(folder, window=window), "loglikelihood", pairs)
    expected = ask(theirs(folder, max_length=window), "loglikelihood", pairs)
    assert [x[0] for x in found] == pytest.approx([x[0] for x in expected], abs=TOLERANCE)


def test_a_continuation_longer_than_the_window_is_refused(folder: Path) -> None:
    with pytest.raises(OrderError, match="window=3 is shorter than a continuation of"):
        ask(ours(folder, window=3), "loglikelihood", [("a", TEXTS[0])])


def test_what_is_generated_is_what_hf_generates(folder: Path) -> None:
    """One at a time: in a batch it pads on the left, which an RWKV in `transformers` reads."""
    asked: list[tuple[Any, ...]] = [
        (context, {"until": ["\n\n", "zz"], "max_gen_toks": 9, "do_sample": False})
        for context in ("The river", "Wasser", "She'd said", "Boat")
    ]
    expected = ask(theirs(folder, batch_size=1), "generate_until", asked)
    assert ask(ours(folder), "generate_until", asked) == expected


def test_samples_do_not_depend_on_what_else_is_asked(folder: Path) -> None:
    kwargs = {"max_gen_toks": 8, "do_sample": True, "temperature": 0.9, "top_p": 0.8}
    asked: list[tuple[Any, ...]] = [(text, kwargs) for text in ("Wasser", "Boat", "Wasser", "x")]
    first, boat, second, _ = ask(ours(folder), "generate_until", asked)
    assert first != second
    again = ask(ours(folder, num_slots=1), "generate_until", [asked[1], asked[0]])
    assert again == [boat, first]


def test_generation_in_words_that_we_do_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(OrderError, match="num_beams is unknown; there are temperature, top_p"):
        ask(ours(folder), "generate_until", [("a", {"num_beams": 4})])
    with pytest.raises(OrderError, match="less than or equal to 1"):
        ask(ours(folder), "generate_until", [("a", {"do_sample": True, "top_p": 2})])


def test_chat_templates_are_refused(folder: Path) -> None:
    with pytest.raises(OrderError, match="carry no template; leave it out"):
        ours(folder).apply_chat_template([{"role": "user", "content": "x"}])


class Counting(TheEngine):
    """Counts the tokens that it reads."""

    num_tokens = 0

    def run(self, sequences: Iterator[Sequence | None], wants: Wants = NLL) -> Iterator[Result]:
        for result in super().run(sequences, wants):
            if isinstance(result, ScoredChunk):
                self.num_tokens += len(result.tokens)
            yield result


def test_a_context_is_read_once_for_all_that_may_follow_it(folder: Path) -> None:
    config = ModelConfig(path=str(folder))
    plain = Engine.from_config(config, EngineConfig(device="cpu", num_threads=1))
    engine = Counting(plain.network, plain.tokenizer, plain.settings)
    model = ours(folder, engine=engine)
    choices = [" and on", " again", " Wasser", " x"]
    ask(model, "loglikelihood", [(TEXTS[0], choice) for choice in choices])
    behind = sum(len(model._encode_pair(TEXTS[0], choice)[1]) for choice in choices)
    # its first token stands where a document has the prefix token, and is not counted
    assert engine.num_tokens == len(model.tok_encode(TEXTS[0])) - 1 + behind


def test_answers_are_cached_as_they_come(folder: Path) -> None:
    class Hook:
        def __init__(self) -> None:
            self.found: list[tuple[object, ...]] = []

        def add_partial(self, *said: object) -> None:
            self.found.append(said)

    model, hook = ours(folder), Hook()
    model.cache_hook = hook
    answers = ask(model, "loglikelihood", PAIRS[:2])
    assert sorted(hook.found) == sorted(
        ("loglikelihood", pair, answer) for pair, answer in zip(PAIRS, answers, strict=False)
    )
