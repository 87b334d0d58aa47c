"""Which rows are no examples, and which orders make none."""

from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.jobs.examples import QUESTIONS, WORDS, order, written
from tests.jobs.visitor import give
from tests.orders import file_hashes, rows_of


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
    assert give("evaluate", written(tmp_path / "rows.jsonl", rows), run_path, *WORDS) == 3
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
    assert give("evaluate", written(tmp_path / "rows.jsonl", rows), run_path) == 3
    assert [row["reason"] for row in rows_of(run_path, "dead")] == ["no_target"] * 3
    [row] = rows_of(run_path, "evaluate")
    assert (row["num_tokens"], row["gold_tokens"], row["gold_bytes"]) == (3, 4, 3)


def test_choices_and_labels_may_be_columns_of_lists(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"q": "Sky?", "ends": ["blue", "red", "green"], "names": ["A", "B", "C"], "key": "C"},
        {"q": "Sea?", "ends": ["wet", "dry"], "names": ["1", "2"], "key": "1"},
        {"q": "One?", "ends": ["only"], "names": ["A"], "key": "A"},
        {"q": "None?", "ends": ["a", " "], "names": ["A", "B"], "key": "A"},
        {"q": "Null?", "ends": ["a", None], "names": ["A", "B"], "key": "A"},
        {"q": "Names?", "ends": ["a", "b"], "names": ["A"], "key": "A"},
        {"q": "Twice?", "ends": ["a", "b"], "names": ["A", "A"], "key": "A"},
    ]
    job = {"kind": "evaluate", "task": "multiple_choice", "context": "{q}", "choices": "ends"}
    job |= {"answer": "key", "labels": "names", "delimiter": " "}
    run(order(written(tmp_path / "rows.jsonl", rows), tmp_path / "run", job), SilentReporter())
    found = rows_of(tmp_path / "run", "evaluate")
    assert [row["gold"] for row in found] == [2, 0]
    assert [row["choice_bytes"] for row in found] == [[4, 3, 5], [3, 3]]
    assert [row["choice_tokens"] for row in found] == [[5, 4, 6], [4, 4]]
    dead = [(row["reason"], row["detail"]) for row in rows_of(tmp_path / "run", "dead")]
    assert [reason for reason, _ in dead[:3]] == ["too_few_choices", "empty_choice", "null_field"]
    assert dead[3:] == [
        ("bad_labels", "1 label for 2 choices"),
        ("bad_answer", "key is 'A', which is more than one of the labels A, A"),
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["job.context={gaol}"], "gaol is no column of"),
        (["job.context={goal"], "job.context: { at character 1 of '{goal' encloses no column"),
        (["job.answer=lable"], "job.answer=lable: lable is no column of"),
        (["job.answer="], "job.answer= cannot be used; give a text that is not empty"),
        (["job.choices=[a]"], "leaves no choice; give two templates or more, as in 'job.choices="),
        (["job.choices=[{sol1},{sol2}]"], "is one text and no list; quote each template, as in"),
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
        give(
            "evaluate",
            questions,
            run_path,
            *(w for w in WORDS if w.partition("=")[0] not in keys),
            *words,
        )
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
