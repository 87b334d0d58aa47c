"""Whole tasks of lm-evaluation-harness come to what they come to with its own `hf` back-end."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.jobs.lm_eval.peers import TOLERANCE, ours, theirs
from tests.orders import order_of, rows_of

pytestmark = pytest.mark.long

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
