"""The page of a sweep: a row and a link for each run, and charts where something was scored."""

import json
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from longriver.jobs.cli import main
from longriver.jobs.report.sweep import sweep_page, write_sweep
from longriver.jobs.report.swept import Swept, differing
from tests.jobs.examples import QUESTIONS, written
from tests.jobs.report.conftest import IMAGE, SCRIPT, TURNED
from tests.jobs.report.test_markup import Seen, seen
from tests.orders import write_texts

CHOICES = ('job.choices=["{sol1}","{sol2}"]', "job.answer=label")


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files; what is swept is written beside them."""
    monkeypatch.chdir(tmp_path)
    return write_texts(tmp_path / "texts", num_files=2, num_sentences=3)


def swept(job: str, texts: Path, *words: str) -> int:
    order = [f"data.path={texts}", "engine.device=cpu", "engine.num_threads=1"]
    return main([job, "--multirun", *order, *words])


def hrefs(page: Seen) -> list[str]:
    found = [value for name, value in page.attributes if name == "href" and value is not None]
    return [
        unquote(value, errors="surrogateescape") for value in found if not value.startswith("#")
    ]


def test_every_run_has_a_row_a_link_and_a_bar(
    texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = "job.context_policy=streaming,window:8"
    assert swept("perplexity", texts, policies, "output.path=runs/${job.context_policy}") == 0
    assert "\nReport: runs/sweep.html\nCloser: " in capsys.readouterr().out
    content = Path("runs/sweep.html").read_text()
    page = seen(content)
    assert hrefs(page) == ["streaming/report.html", "window:8/report.html"]
    assert all((Path("runs") / link).exists() for link in hrefs(page))
    assert "they differ in job.context_policy." in page.text
    assert content.count('class="bar c0"') == 2 + 1  # of each run, and of the difference
    assert content.count('class="whisker"') == 2 + 1
    assert page.tags.count("script") == 1 and "default-src 'none'" in str(page.attributes)


def test_the_page_is_no_input_of_the_same_sweep(texts: Path) -> None:
    words = ["job.segment_tokens=8,16", f"output.path={texts}/runs/${{job.segment_tokens}}"]
    for _ in range(2):
        assert swept("score", texts, *words) == 0
        assert (texts / "runs" / "sweep.html").exists()


def test_runs_in_different_folders_have_no_page(
    texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["job.segment_tokens=8,16", "output.path=${job.segment_tokens}/run"]
    assert swept("score", texts, *words) == 0
    assert "Report: none (the runs lie in different folders; " in capsys.readouterr().out
    assert not list(texts.parent.rglob("sweep.html"))


def test_runs_without_nats_are_in_the_table_alone(
    texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept("embed", texts, "job.pooling=mean,last", "output.path=${job.pooling}") == 0
    out = capsys.readouterr().out
    assert "Not compared: " in out and "\nReport: sweep.html\n" in out
    page = seen(Path("sweep.html").read_text())
    assert hrefs(page) == ["mean/report.html", "last/report.html"]
    assert "svg" not in page.tags


def test_choices_are_told_by_their_accuracies(texts: Path) -> None:
    questions = written(texts.parent / "questions.jsonl", QUESTIONS)
    words = ["job.task=multiple_choice", 'job.context="Question: {goal}"', *CHOICES]
    words += ["job.delimiter=a,b", "output.path=${job.delimiter}"]
    assert swept("evaluate", questions, *words) == 0
    text = seen(Path("sweep.html").read_text()).text
    assert "accuracy, by length" in text and "gold perplexity" not in text


def test_last_words_are_told_by_their_perplexity_too(texts: Path) -> None:
    passages = written(texts.parent / "passages.jsonl", [{"text": "It is the end"}])
    words = ["engine.tokens_per_step=64,128", "output.path=run${engine.tokens_per_step}"]
    assert swept("evaluate", passages, *words) == 0
    text = seen(Path("sweep.html").read_text()).text
    assert "accuracy" in text and "gold perplexity" in text and "by length" not in text


def run_of(name: str, bits: float | None, **order: str) -> Swept:
    summary: dict[str, object] = {"num_documents": 3, "num_dead": 0, "num_tokens": 100}
    found = summary if bits is None else summary | {"bits_per_byte": bits}
    return Swept(name, order, found, seconds=2.0, has_report=True)


NASTY = (SCRIPT, IMAGE, TURNED, "javascript:alert(1)", "../" * 9, "%2e", "\udcff")


@pytest.mark.parametrize("nasty", NASTY)
def test_names_and_settings_are_but_text(nasty: str) -> None:
    runs = [run_of(nasty, 1.5, model=nasty), run_of("b", 2.0, model="x"), run_of("c", None)]
    page = seen(sweep_page(runs, []).decode())
    assert page.tags.count("script") == 1 and "img" not in page.tags
    assert hrefs(page) == [f"{name}/report.html" for name in (nasty, "b", "c")]
    raw = [value for name, value in page.attributes if name == "href"]
    assert not any(c in str(value) for value in raw for c in "<>\"':\x1b")


def test_what_differs_is_what_was_swept() -> None:
    runs = [
        run_of("a", 1.0, **{"x": "1", "y": "2", "output.path": "a"}),
        run_of("b", 1.0, **{"x": "1", "y": "3", "output.path": "b", "z": "4"}),
    ]
    assert differing(runs) == ["y", "z"]


def test_secrets_in_urls_are_left_out(hostile_run: Path, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        shutil.copytree(hostile_run, path)
        record = json.loads((path / "run.json").read_text())
        record["order"]["data"]["path"] = f"https://me:canary@host/{path.name}?sig=canary"
        record["order"]["model"]["path"] = "https://me:canary@host/m?sig=canary"
        (path / "run.json").write_text(json.dumps(record))
    assert write_sweep([str(path) for path in paths], []) == f"{tmp_path}/sweep.html"
    content = (tmp_path / "sweep.html").read_text()
    assert "https://host/a?…" in content and "https://host/m?…" in content
    assert "canary" not in content
