"""Whether a network says what it should: what an example comes to, the same for any workers."""

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
from tests.jobs.examples import CHOICE, QUESTIONS, WORDS, order, written
from tests.jobs.visitor import assert_an_interruption_leaves_no_trace, give
from tests.orders import rows_of
from tests.pipeline.lab import Lab, engine_for, text_of

PASSAGES = [
    "She opened the door, and behind the door stood an old man in a wet coat.\nThe man",
    "Größe \t 水 is  water.  The end",
    "one",
    "He said yes, and she said yes, and they all said yes",
]


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
    assert give("evaluate", questions, run_path, *WORDS, "data.group_columns=[of]") == 0
    engine = Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))
    rows = rows_of(run_path, "evaluate")
    for row, asked in zip(rows, QUESTIONS, strict=True):
        context = f"Question: {asked['goal']}\nAnswer:"
        choices = [f" {asked['sol1']}", f" {asked['sol2']}"]
        nll = [nats_behind(engine, context, choice) for choice in choices]
        lengths = [len(choice.lstrip()) for choice in choices]
        by_length = [n / length for n, length in zip(nll, lengths, strict=True)]
        assert row["choice_nll"] == pytest.approx(nll, rel=1e-6)
        assert row["gold"] == asked["label"]
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


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(questions: Path, tmp_path: Path) -> None:
    whole, broken = (order(questions, tmp_path / name, CHOICE) for name in ("whole", "broken"))
    assert_an_interruption_leaves_no_trace(whole, broken)


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
