"""Whether a network says what it should: what a row comes to, and which rows are no examples."""

import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from longriver.engine import Engine, EngineConfig
from longriver.engine.result import ScoredChunk
from longriver.engine.version import Version
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.evaluate import EvaluateJob
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.run import run
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import Row
from tests.bench.lambada_oracle import largest_difference, ours, theirs
from tests.bench.perplexity_oracle import demo_checkpoint
from tests.bench.rwkv_package import RwkvPackage
from tests.fakes import ImpatientReporter
from tests.orders import file_hashes, order_of, rows_of
from tests.pipeline.lab import Lab, engine_for, text_of

PASSAGES = [
    "She opened the door, and behind the door stood an old man in a wet coat.\nThe man",
    "Größe \t 水 is  water.  The end",
    "one",
    "He said yes, and she said yes, and they all said yes",
]
QUESTIONS: list[dict[str, object]] = [
    {"goal": "To boil water,", "sol1": "heat it", "sol2": "cool it down", "label": 0, "of": "a"},
    {"goal": "A jar is opened ", "sol1": "by its lid", "sol2": "by post", "label": 0, "of": "b"},
    {"goal": "", "sol1": "It rains", "sol2": "Rain it", "label": 0, "of": "b"},
    {"goal": "日本の首都は", "sol1": "京都", "sol2": "東京", "label": 1, "of": "[/x]"},
]
CHOICE = {
    "kind": "evaluate",
    "task": "multiple_choice",
    "context": "Question: {goal}\\nAnswer:",
    "choices": [" {sol1}", " {sol2}"],
    "answer": "label",
}
WORDS = (
    "job.task=multiple_choice",
    "job.context=Question: {goal}\\nAnswer:",
    'job.choices=[" {sol1}"," {sol2}"]',
    "job.answer=label",
)


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return written(tmp_path / "questions.jsonl", QUESTIONS)


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def order(rows: Path, run_path: Path, job: dict[str, object], /, **parts: object) -> RunConfig:
    made = order_of(rows, run_path, **parts)  # type: ignore[arg-type]
    return RunConfig.model_validate({**made.model_dump(), "job": job})


def give(data: Path, run_path: Path, *words: str) -> int:
    keys = (f"data.path={data}", f"output.path={run_path}", "engine.num_threads=1")
    return main(["evaluate", *keys, "engine.device=cpu", *words])


def nats_behind(engine: Engine, context: str, text: str) -> float:
    """Read as one document: what its last bytes cost."""
    data = (context + text).encode()
    parts = []
    for result in engine.run(iter([engine.sequence(None, [data])])):
        assert isinstance(result, ScoredChunk)
        parts.append(result.nll)
    return math.fsum(np.concatenate(parts)[len(context.encode()) :].tolist())


def test_last_words_cost_what_pypi_rwkv_says(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": text} for text in PASSAGES]
    summary, found = ours(written(tmp_path / "passages.jsonl", rows), tmp_path / "run")
    peer = RwkvPackage(demo_checkpoint(tmp_path), Version.V7)
    expected = [theirs(peer, text) for text in PASSAGES]
    assert largest_difference(found, expected) < 1e-4
    record = summary.findings["evaluate"].record
    nll = [answer.nll for answer in expected]
    assert record["gold_nll"] == pytest.approx(statistics.mean(nll), rel=1e-5)
    error = statistics.stdev(nll) / math.sqrt(len(nll))
    assert record["gold_nll_stderr"] == pytest.approx(error, rel=1e-5)
    perplexity = math.exp(statistics.mean(nll))
    assert record["gold_perplexity"] == pytest.approx(perplexity, rel=1e-4)
    assert record["gold_perplexity_stderr"] == pytest.approx(perplexity * error, rel=1e-4)


def test_lambada_costs_what_pypi_rwkv_says(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "eval" / "lambada_test.jsonl").read_text("utf-8").splitlines()[:8]
    data = tmp_path / "lambada.jsonl"
    data.write_text("\n".join(lines) + "\n", "utf-8")
    _, found = ours(data, tmp_path / "run")
    peer = RwkvPackage(demo_checkpoint(tmp_path), Version.V7)
    expected = [theirs(peer, json.loads(line)["text"]) for line in lines]
    assert largest_difference(found, expected) < 1e-4


def test_a_choice_costs_what_it_would_as_a_part_of_one_document(
    questions: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(questions, run_path, *WORDS, "data.group_columns=[of]") == 0
    engine = Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))
    rows = rows_of(run_path, "evaluate")
    for row, asked in zip(rows, QUESTIONS, strict=True):
        context = f"Question: {asked['goal']}\nAnswer:"
        choices = [f" {asked['sol1']}", f" {asked['sol2']}"]
        nll = [nats_behind(engine, context, choice) for choice in choices]
        lengths = [len(choice.lstrip()) for choice in choices]
        by_length = [n / length for n, length in zip(nll, lengths, strict=True)]
        assert row["choice_nll"] == nll and row["gold"] == asked["label"]
        assert row["predicted"] == nll.index(min(nll))
        assert row["predicted_norm"] == by_length.index(min(by_length))
        assert row["correct"] == (row["predicted"] == row["gold"])
        assert row["num_tokens"] == len(context.encode()) and row["status"] == "ok"
        assert row["choice_chars"] == lengths
    check_figures(run_path, rows)
    out = capsys.readouterr().out
    assert "accuracy, by length" in out and "accuracy, [/x]" in out
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0
    assert main(["status", f"output.path={run_path}"]) == 0


def check_figures(run_path: Path, rows: list[Row]) -> None:
    record = json.loads((run_path / "summary.json").read_bytes())["jobs"]["evaluate"]
    hits = [float(row["correct"] is True) for row in rows]
    assert record["accuracy"] == pytest.approx(statistics.mean(hits))
    error = statistics.stdev(hits) / math.sqrt(len(hits))
    assert record["accuracy_stderr"] == pytest.approx(error)
    groups = {each["group"]["of"]: each["num_examples"] for each in record["groups"]}
    assert groups == {"a": 1, "b": 2, "[/x]": 1}


def test_rows_are_the_same_for_any_slots_steps_and_shards(questions: Path, tmp_path: Path) -> None:
    found = []
    for number, (slots, step) in enumerate([(1, 64), (2, 7), (16, 256)]):
        path = tmp_path / f"run{number}"
        engine = {"num_slots": slots, "tokens_per_step": step}
        data = {"shard_bytes": 1 if number else 10_000}
        run(order(questions, path, CHOICE, engine=engine, data=data), SilentReporter())
        found.append(rows_of(path, "evaluate"))
    assert found[0] == found[1] == found[2]


def test_white_space_at_the_end_of_a_context_goes_to_the_choice(tmp_path: Path) -> None:
    """As in lm-evaluation-harness: words begin with their space."""
    rows: list[dict[str, object]] = [{"a": "It is ", "b": "so"}, {"a": "It is", "b": " so"}]
    job = {"kind": "evaluate", "task": "likelihood", "context": "{a}", "continuation": "{b}"}
    data = written(tmp_path / "rows.jsonl", rows)
    run(order(data, tmp_path / "run", job), SilentReporter())
    first, second = rows_of(tmp_path / "run", "evaluate")
    assert first["gold_nll"] == second["gold_nll"] and first["gold_tokens"] == 3
    assert first["num_tokens"] == second["num_tokens"] == len("It is")


def test_choices_and_labels_may_be_columns_of_lists(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"q": "Sky?", "ends": ["blue", "red", "green"], "names": ["A", "B", "C"], "key": "C"},
        {"q": "Sea?", "ends": ["wet", "dry"], "names": ["1", "2"], "key": "1"},
        {"q": "One?", "ends": ["only"], "names": ["A"], "key": "A"},
        {"q": "None?", "ends": ["a", " "], "names": ["A", "B"], "key": "A"},
        {"q": "Null?", "ends": ["a", None], "names": ["A", "B"], "key": "A"},
        {"q": "Names?", "ends": ["a", "b"], "names": ["A"], "key": "A"},
    ]
    job = {"kind": "evaluate", "task": "multiple_choice", "context": "{q}", "choices": "ends"}
    job |= {"answer": "key", "labels": "names", "delimiter": " "}
    run(order(written(tmp_path / "rows.jsonl", rows), tmp_path / "run", job), SilentReporter())
    found = rows_of(tmp_path / "run", "evaluate")
    assert [row["gold"] for row in found] == [2, 0]
    assert [row["choice_bytes"] for row in found] == [[4, 3, 5], [3, 3]]
    assert [row["choice_tokens"] for row in found] == [[5, 4, 6], [4, 4]]
    reasons = [row["reason"] for row in rows_of(tmp_path / "run", "dead")]
    assert reasons == ["too_few_choices", "empty_choice", "null_field", "bad_labels"]


def test_a_row_that_is_no_example_is_a_dead_letter(tmp_path: Path, run_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {**QUESTIONS[0], "label": 2},
        {**QUESTIONS[0], "label": "A"},
        {**QUESTIONS[0], "label": None},
        {**QUESTIONS[0], "sol2": ""},
        {**QUESTIONS[0], "sol2": None},
        {**QUESTIONS[0], "goal": ["a"]},
        {key: value for key, value in QUESTIONS[0].items() if key != "sol1"},
        QUESTIONS[1],
    ]
    assert give(written(tmp_path / "rows.jsonl", rows), run_path, *WORDS) == 3
    assert [row["source_row"] for row in rows_of(run_path, "evaluate")] == [7]
    dead = {row["source_row"]: (row["reason"], row["detail"]) for row in rows_of(run_path, "dead")}
    assert dead[0] == ("bad_answer", "label is '2', which is not one of the labels 0, 1")
    assert [dead[number][0] for number in range(1, 7)] == [
        "bad_answer",
        "null_field",
        "empty_choice",
        "null_field",
        "not_text",
        "null_field",
    ]
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0
    before = file_hashes(run_path)
    assert main(["retry-dead", f"output.path={run_path}"]) == 3
    assert file_hashes(run_path) == before


def test_a_text_without_a_last_word_is_a_dead_letter(tmp_path: Path, run_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": text} for text in ("", "the ", "a \n", "the end")]
    assert give(written(tmp_path / "rows.jsonl", rows), run_path) == 3
    assert [row["reason"] for row in rows_of(run_path, "dead")] == ["no_target"] * 3
    [row] = rows_of(run_path, "evaluate")
    assert (row["num_tokens"], row["gold_tokens"], row["gold_bytes"]) == (3, 4, 3)


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(questions: Path, tmp_path: Path) -> None:
    whole, broken = (order(questions, tmp_path / name, CHOICE) for name in ("whole", "broken"))
    run(whole, SilentReporter())
    with pytest.raises(KeyboardInterrupt):
        run(broken, ImpatientReporter(num_shards=2))
    run(broken, SilentReporter())
    assert file_hashes(tmp_path / "broken") == file_hashes(tmp_path / "whole")
    summaries = [(tmp_path / name / "summary.json").read_bytes() for name in ("broken", "whole")]
    assert summaries[0] == summaries[1]


@pytest.mark.parametrize("num_results", [4, 9, 13])
def test_a_long_context_goes_on_from_its_snapshot(num_results: int, tmp_path: Path) -> None:
    row: dict[str, object] = {"a": text_of(6000).decode(), "b": "x" * 600, "c": "yes", "key": 1}
    config = EvaluateConfig(
        task="multiple_choice", context="{a}", choices=(" {b}", " {c}"), answer="key"
    )
    data = DataConfig.model_validate({"path": str(written(tmp_path / "rows.jsonl", [row]))})
    folder = RunFolder.open(f"memory://evaluate/{tmp_path.name}-{num_results}")
    lab = Lab(config.reading(data), folder, EvaluateJob(config))
    read = lab.die(engine_for(), num_results)
    outcome, again = lab.finish(engine_for())
    assert outcome.files == lab.undisturbed(engine_for()).files
    assert again < 6000 + 605 and again + read >= 6000 + 605


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["job.context={gaol}"], "gaol is no column of"),
        (["job.context={goal"], "job.context: { at character 1 of '{goal' encloses no column"),
        (["job.answer=lable"], "job.answer=lable: lable is no column of"),
        (["job.answer="], "job.answer= cannot be used; give a text that is not empty"),
        (["job.choices=[a]"], "leaves no choice; give two templates or more, as in 'job.choices="),
        (["job.choices=ends"], "job.choices=ends: ends is no column of"),
        (["job.choices=goal"], "one takes goal for a list, the other does not"),
        (["job.labels=[A]"], "job.labels=['A'] are 1 for 2 choices; give one for each"),
        (["job.labels=[A,A]"], "job.labels=['A', 'A'] has a label twice"),
        (["job.continuation={goal}"], "has no effect with job.task=multiple_choice"),
        (["job.task=lambada"], "has no effect with job.task=lambada; leave one of them out"),
        (["job.task=likelihood"], "job.continuation is missing; job.task=likelihood is made of it"),
        (["job.task=piqa"], "job.task=piqa cannot be used; give lambada, multiple_choice or"),
        (["job.context=Q", "job.choices=[a,b]"], "and what follows it name no column"),
        (["data.text_column=goal"], "data.text_column=goal has no effect with job.task=multiple_"),
        (["data.part_column=of", "data.id_column=goal"], "to which every row is an example"),
        (["data.group_columns=[gold]"], "data.group_columns=gold would hide the result column"),
        (["data.format=text"], "is a text file, which has no columns"),
    ],
)
def test_a_bad_order_gets_one_line_that_helps(
    questions: Path,
    run_path: Path,
    words: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys = {word.partition("=")[0] for word in words}
    assert (
        give(questions, run_path, *(w for w in WORDS if w.partition("=")[0] not in keys), *words)
        == 2
    )
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err
    assert not run_path.exists()


def test_a_plan_tells_what_examples_are_made_of(
    questions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["plan", f"data.path={questions}", "job=evaluate", "engine.num_threads=1", *WORDS]
    assert main([*plan, "job.context={gaol}"]) == 2
    assert "gaol is no column" in capsys.readouterr().err
    assert main(plan) == 0
