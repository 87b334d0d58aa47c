"""lm-evaluation-harness with our model: the numbers of its own `hf` back-end on one network."""

import json
import math
from collections.abc import Iterator, Mapping
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
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.lm_eval_launch import completed, launch
from longriver.jobs.lm_eval_options import read_options
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.orders import order_of, rows_of

pytestmark = pytest.mark.long

TOLERANCE = 1e-4

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
QUESTIONS = [
    {"goal": "The river ran", "ends": ["on and on", "again"], "label": 0},
    {"goal": "nobody's boat was", "ends": ["rain", "ever seen", "Wasser"], "label": 1},
    {"goal": "Wasser", "ends": ["fließt", "x"], "label": 1},
    {"goal": "She'd said", "ends": ["it'll rain", "'", "on"], "label": 0},
]
COMMON: dict[str, object] = {"dataset_path": "json", "test_split": "test"}
TASKS: dict[str, dict[str, object]] = {
    "tiny_choice": {
        "output_type": "multiple_choice",
        "doc_to_text": "Question: {{goal}}\nAnswer:",
        "doc_to_choice": "{{ends}}",
        "doc_to_target": "label",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    },
    "tiny_likelihood": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{goal}}",
        "doc_to_target": "{{' ' + ends[0]}}",
        "metric_list": [{"metric": "perplexity"}, {"metric": "acc"}],
    },
    "tiny_rolling": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{goal + ' ' + ends[0]}}",
        "metric_list": [
            {"metric": "word_perplexity"},
            {"metric": "byte_perplexity"},
            {"metric": "bits_per_byte"},
        ],
    },
    "tiny_generation": {
        "output_type": "generate_until",
        "doc_to_text": "{{goal}}",
        "doc_to_target": "{{ends[0]}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 6, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model; skips where the harness or what its `hf` back-end needs is not installed."""
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from tests.lm_eval_peer import write_model

    return write_model(tmp_path_factory.mktemp("model"))


def ours(folder: Path, **given: object) -> Any:
    from tests.lm_eval_peer import silence

    with silence():
        from longriver.jobs.lm_eval_model import LongriverLM

    return LongriverLM(path=str(folder), device="cpu", dtype="float32", num_threads=1, **given)


def theirs(folder: Path, **given: object) -> Any:
    from tests.lm_eval_peer import hf_model, silence

    with silence():
        return hf_model(folder, **given)


def ask(model: Any, kind: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    from tests.lm_eval_peer import silence

    with silence():
        from lm_eval.api.instance import Instance

        asked = [Instance(request_type=kind, doc={}, arguments=a, idx=0) for a in arguments]
        found: list[Any] = getattr(model, kind)(asked)
    return found


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


def write_tasks(folder: Path) -> Path:
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    for name, task in TASKS.items():
        loading = {"data_files": {"test": str(data)}, "cache_dir": str(folder / "cache")}
        # JSON is YAML
        (folder / f"{name}.yaml").write_text(
            json.dumps({"task": name, **COMMON, "dataset_kwargs": loading, **task})
        )
    return data


def evaluated(model: Any, tasks: Path) -> dict[str, Mapping[str, Any]]:
    from tests.lm_eval_peer import silence

    with silence():
        from lm_eval.evaluator import simple_evaluate
        from lm_eval.tasks import TaskManager

        manager = TaskManager(include_path=str(tasks), include_defaults=False)
        found = simple_evaluate(
            model=model, tasks=list(TASKS), task_manager=manager, bootstrap_iters=0
        )
    results: dict[str, Mapping[str, Any]] = found["results"]
    return results


def test_tasks_come_to_what_hf_comes_to(folder: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path)
    found = evaluated(ours(folder), tmp_path)
    expected = evaluated(theirs(folder, batch_size=1), tmp_path)
    assert set(found) == set(TASKS)
    figures = {(t, n): x for t in TASKS for n, x in expected[t].items() if isinstance(x, float)}
    assert len(figures) >= 8
    for (task, name), value in figures.items():
        assert found[task][name] == pytest.approx(value, rel=TOLERANCE), (task, name)


def test_evaluate_comes_to_what_lm_eval_comes_to(folder: Path, tmp_path: Path) -> None:
    """Accuracies and their errors, on contexts that begin with the prefix token."""
    data = write_tasks(tmp_path)
    expected = evaluated(ours(folder, add_bos_token=True), tmp_path)["tiny_choice"]
    job = {"kind": "evaluate", "task": "multiple_choice", "answer": "label", "delimiter": " "}
    job |= {"context": "Question: {goal}\\nAnswer:", "choices": "ends"}
    order = order_of(data, tmp_path / "run", model={"path": str(folder)}).model_dump()
    config = RunConfig.model_validate({**order, "job": job})
    record = run(config, SilentReporter()).summary.findings["evaluate"].record
    assert record["accuracy"] == expected["acc,none"]
    assert record["accuracy_norm"] == expected["acc_norm,none"]
    hits = [row["correct"] is True for row in rows_of(tmp_path / "run", "evaluate")]
    share = sum(hits) / len(hits)
    error = math.sqrt(share * (1 - share) / (len(hits) - 1))
    assert record["accuracy_stderr"] == pytest.approx(error)


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


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"pretrained": "x"}, "--model_args pretrained=… is unknown; did you mean path?"),
        ({"num_slot": 3}, "did you mean num_slots?"),
        ({"qqq": 3}, "there are add_bos_token, window"),
        ({"window": 1}, "window=1 cannot be used; give at least 2"),
        ({"dtype": "half"}, "dtype=half cannot be used; give auto, float32"),
        ({"batch_size": 8}, "--batch_size 8 has no effect"),
        ({"path": ""}, "path= cannot be used"),
    ],
)
def test_bad_model_arguments_get_one_line(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(OrderError) as raised:
        read_options(given)
    assert sentence in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["--tasks", "piqa"], True),
        (["run", "--tasks", "piqa"], True),
        (["--model", "hf", "--tasks", "piqa"], False),
        (["--model=hf"], False),
        (["run", "--config", "a.yaml"], False),
        (["ls", "tasks"], False),
        (["run", "--help"], False),
        ([], False),
    ],
)
def test_our_model_is_the_one_that_is_meant(words: list[str], added: bool) -> None:
    found = completed(words)
    assert [word for word in found if word not in ("--model", "longriver")] == [
        word for word in words if word != "--model"
    ]
    assert ("longriver" in found) == added
    assert not words or not added or (found[0] == "run") == (words[0] == "run")


def test_without_lm_eval_one_line_says_how_to_get_it() -> None:
    with pytest.raises(OrderError, match=r"pip install 'longriver\[lm-eval\]'"):
        launch(["--tasks", "piqa"], find=lambda name: None)


@pytest.mark.slow
def test_the_command_line_prints_the_harness_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.lm_eval_peer import quietly

    write_tasks(tmp_path)
    words = ["lm-eval", "--tasks", "tiny_choice", "--include_path", str(tmp_path)]
    arguments = [f"path={folder}", "device=cpu", "num_threads=1"]
    with quietly():
        assert main([*words, "--model_args", ",".join(arguments)]) == 0
    assert "|tiny_choice|" in capsys.readouterr().out
