"""Two runs side by side: paired, or refused in one line."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from longriver.jobs.actions import Actions
from longriver.jobs.cli import main
from longriver.jobs.compare import comparison
from longriver.jobs.compare_display import MAX_GROUPS
from longriver.jobs.comparison import Comparison
from longriver.jobs.config import RunConfig
from longriver.jobs.folder_config import CompareConfig
from longriver.jobs.run import run
from longriver.jobs.sweep import end_sweep
from longriver.pipeline.pairs import Scored
from longriver.pipeline.progress import SilentReporter
from tests.orders import order_of, rows_of

TEXTS = [f"{n} times is not enough to say it. " * (3 * n + 1) for n in range(12)]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    rows = ({"id": f"d{n}", "text": x, "half": str(n % 2)} for n, x in enumerate(TEXTS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"id": "e", "text": ""}\n')
    return path


def done(lines: Path, name: str, **job: object) -> Path:
    data = {"id_column": "id", "group_columns": ["half"], **dict(job.pop("data", {}))}
    order = order_of(lines, lines.parent / name, data=data).model_dump()
    config = RunConfig.model_validate({**order, "job": {"kind": "perplexity", **job}})
    run(config, SilentReporter())
    return lines.parent / name


def compared(a: Path, b: Path) -> Mapping[str, object]:
    return comparison(CompareConfig(a=str(a), b=str(b), num_resamples=300))


def test_what_context_is_worth(lines: Path) -> None:
    a, b = done(lines, "a"), done(lines, "b", context_policy="window:64")
    record = compared(a, b)
    left, right = rows_of(a, "perplexity"), rows_of(b, "perplexity")
    bits = math.log(2) * sum(row["num_bytes"] for row in left)
    by = sum(y["nll"] - x["nll"] for x, y in zip(left, right, strict=True))
    assert record["difference"] == pytest.approx(by / bits, rel=1e-9)
    low, high = record["difference_95"]
    assert low < by / bits < high
    assert record["num_documents"] == 13 and record["only_in_a"] == record["only_in_b"] == 0
    assert (record["a"]["context_policy"], record["b"]["context_policy"]) == (
        "streaming",
        "window:64",
    )
    positions = record["by_position"]
    assert isinstance(positions, list)
    first = [row for row in positions if row["last_token"] < 64]
    assert first and all(row["nll_per_token_a"] == row["nll_per_token_b"] for row in first)
    assert {g["group"]["half"] for g in record["groups"]} == {"0", "1", None}


def test_the_same_run_twice_cannot_be_told_apart(
    lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = str(done(lines, "a"))
    assert main(["compare", a, a]) == 0
    said = capsys.readouterr().out
    assert "cannot be told apart" in said and "+0.0000" in said
    assert main(["compare", f"a={a}", f"b={a}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] == 0


def test_score_and_perplexity_can_be_compared(lines: Path) -> None:
    record = compared(done(lines, "a", kind="score"), done(lines, "b"))
    assert record["difference"] == pytest.approx(0, abs=1e-12) and record["by_position"] == []


def test_documents_of_one_run_alone_are_left_out_and_counted(lines: Path) -> None:
    a, b = done(lines, "a"), done(lines, "b", data={"max_document_bytes": 800})
    record = compared(a, b)
    num_long = sum(len(text) > 800 for text in TEXTS)
    assert num_long and (record["only_in_a"], record["only_in_b"]) == (num_long, 0)
    assert record["num_documents"] == 13 - num_long


def test_without_intervals_nothing_is_said_of_chance(
    lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = str(done(lines, "a")), str(done(lines, "b", context_policy="window:64"))
    assert main(["compare", a, b, "num_resamples=0"]) == 0
    said = capsys.readouterr().out
    assert "No interval was asked for" in said and "Too few documents" not in said


def test_groups_that_are_not_shown_are_counted(
    lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (f'{{"id": "d{n}", "text": "a text", "half": "{n}"}}\n' for n in range(MAX_GROUPS + 3))
    lines.write_text("".join(rows))
    a = str(done(lines, "a"))
    assert main(["compare", a, a]) == 0
    assert "3 smaller groups: see --json" in capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["compare", *words], Actions()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err.removeprefix("longriver: error: ").rstrip("\n")


def test_what_cannot_be_compared_is_refused_in_one_line(
    lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = str(done(lines, "a"))
    other = lines.with_name("other.jsonl")
    other.write_text('{"id": "x", "text": "other"}\n')
    b, embed = str(done(other, "b", data={"group_columns": []})), None
    assert refusal(capsys, a) == "compare takes two run folders, not 1: compare A B"
    assert refusal(capsys, a, b).endswith(
        "have read different input files; compare runs over the same data.path"
    )
    assert refusal(capsys) == "compare takes two run folders, not 0: compare A B"
    assert f"B={lines.parent}: has no run.json" in refusal(capsys, a, str(lines.parent))
    embed = str(done(lines, "embed", kind="embed", data={"group_columns": []}))
    assert "has no nll to compare; give runs of perplexity or score" in refusal(capsys, a, embed)
    assert refusal(capsys, f"a={a}") == "b is missing; say which, such as b=VALUE"
    Path(a, "_SUCCESS").unlink()
    assert "is not complete" in refusal(capsys, a, a)


def scored(nll: float, num_bytes: int = 10, name: str = "x") -> Scored:
    return Scored(name, nll, num_bytes, num_bytes, [nll], [num_bytes], ())


def test_the_documents_that_differ_most_are_named() -> None:
    found = Comparison(num_resamples=0, has_positions=True)
    found.take((scored(5.0, name=f"{n}"), scored(5.0 + n - 30, name=f"{n}")) for n in range(61))
    record = found.record(())
    names = [row["document_id"] for row in record["a_better"]]
    assert names == [f"{n}" for n in range(60, 50, -1)]
    names = [row["document_id"] for row in record["b_better"]]
    assert names == [f"{n}" for n in range(10)]
    assert record["difference_95"] is None
    assert record["share_a_better"] == pytest.approx(30 / 61)


def test_pairing_makes_the_interval_narrow() -> None:
    """Documents differ by far more than the runs do at any of them."""
    random = np.random.default_rng(1)
    base = random.gamma(2, 50, 400)
    found = Comparison(num_resamples=500, has_positions=False)
    found.take((scored(x, 100), scored(x + 1 + random.normal(0, 0.1), 100)) for x in base)
    low, high = found.record(())["difference_95"]
    assert 0 < low < 0.01 / math.log(2) < high and high - low < 0.001


def test_a_sweep_ends_with_its_runs_side_by_side(
    lines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lines.parent)
    words = ["perplexity", "--multirun", f"data.path={lines}", "engine.device=cpu"]
    words += ["job.context_policy=streaming,window:64", "output.path=run-${job.context_policy}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "to the first" in said and "Closer: longriver compare run-streaming" in said
    row = next(line for line in said.splitlines() if line.strip().startswith("run-window:64"))
    record = compared(lines.parent / "run-streaming", lines.parent / "run-window:64")
    assert f"{record['difference']:+.4f}" in row


def test_runs_that_have_nothing_to_compare_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end_sweep([str(tmp_path / "a"), str(tmp_path / "b")])
    assert capsys.readouterr().out.startswith("Not compared: ")
