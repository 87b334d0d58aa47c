"""The report of real runs: what is in it, what never is, and that it is the same every time."""

import html
import re
import shutil
from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.fakes import ImpatientReporter
from tests.jobs.report.conftest import SENTENCE, order_words, write_hostile
from tests.jobs.report.test_markup import Seen, seen
from tests.orders import order_of, rows_of, write_texts

TITLES = [
    "Figures",
    "What text costs",
    "Worst and best documents",
    "Worst and best segments",
    "Surprise over the text",
    "Embeddings",
    "Throughput",
    "Dead letters",
    "What was run",
]
CELL = re.compile(r'<span class="h\d" data-tip="([\d.]+) nats(?:, \d+ tokens)?">([^<]*)</span>')


def report_of(run_path: Path) -> str:
    return (run_path / "report.html").read_text()


@pytest.fixture(scope="module")
def hostile(hostile_run: Path) -> Seen:
    return seen(report_of(hostile_run))


@pytest.fixture
def copied(hostile_run: Path, tmp_path: Path) -> Path:
    """The run in another place, to be changed; its input is where it was."""
    shutil.copytree(hostile_run, tmp_path / "run")
    return tmp_path / "run"


def test_every_run_leaves_its_report_and_the_command_draws_the_same(copied: Path) -> None:
    first = report_of(copied)
    assert [title for title in TITLES if f"<h2>{title}</h2>" not in first] == []
    (copied / "report.html").unlink()
    assert main(["report", f"output.path={copied}"]) == 0
    assert report_of(copied) == first


def test_the_closing_table_says_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, run_path = write_texts(tmp_path / "texts", 1), tmp_path / "run"
    words = ("engine.device=cpu", "engine.num_threads=1")
    assert main(["score", f"data.path={texts}", f"output.path={run_path}", *words]) == 0
    assert f"Report:  {run_path}/report.html" in capsys.readouterr().out


def test_verify_and_gc_leave_the_report_alone(copied: Path) -> None:
    before = report_of(copied)
    assert main(["verify", f"output.path={copied}", "--deep"]) == 0
    assert main(["gc", f"output.path={copied}"]) == 0
    assert report_of(copied) == before


def test_nothing_of_the_data_becomes_markup(hostile: Seen) -> None:
    assert hostile.tags.count("script") == hostile.tags.count("style") == 1
    assert {"img", "iframe", "link", "object", "a"} & set(hostile.tags) == {"a"}
    for name, value in hostile.attributes:
        assert not name.startswith("on") and name not in ("src", "style", "srcset")
        assert name != "href" or (value or "").startswith("#")
    assert not re.search("[\x00\x1b\u202e\u2066]", hostile.text)


def test_nothing_is_fetched_and_names_stay_short(hostile_run: Path) -> None:
    report = report_of(hostile_run)
    assert set(re.findall(r"https?://[^\"' ]+", report)) <= {"http://www.w3.org/2000/svg"}
    assert "Content-Security-Policy" in report and "unsafe" not in report
    assert "n" * 100 not in report


def test_every_token_of_a_shown_text_has_its_nats(hostile_run: Path) -> None:
    documents = report_of(hostile_run).split('<div class="document">')
    [plain] = [each for each in documents if each.startswith("<h3>plain<")]
    cells = [(float(nats), html.unescape(text)) for nats, text in CELL.findall(plain)]
    assert "".join(text for _, text in cells) == SENTENCE * 8
    segments = [r for r in rows_of(hostile_run, "segments") if r["document_id"] == "plain"]
    cost = sum(float(str(each["nll"])) for each in segments)
    assert sum(nats for nats, _ in cells) == pytest.approx(cost, abs=0.005 * len(cells))


def test_input_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    data, run_path = tmp_path / "data.parquet", tmp_path / "run"
    write_hostile(data)
    assert main(order_words(data, run_path)) == 3
    data.unlink()
    assert main(["report", f"output.path={run_path}"]) == 0
    report = report_of(run_path)
    assert "No text: the input cannot be read" in report and "it is gone" in report
    assert SENTENCE not in html.unescape(report)


def test_texts_can_be_left_out(copied: Path) -> None:
    assert main(["report", f"output.path={copied}", "texts=false"]) == 0
    assert "texts were left out of this report" in report_of(copied)
    assert "The river is long" not in report_of(copied)


def test_documents_are_shown_by_their_ids(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", f"output.path={copied}", "documents=[plain]"]) == 0
    heat = report_of(copied).partition("<h2>Surprise over the text</h2>")[2]
    assert heat.partition("<h3>")[2].startswith("plain<small>")
    capsys.readouterr()
    assert main(["report", f"output.path={copied}", "documents=[nobody]"]) == 2
    assert "documents=nobody: " in capsys.readouterr().err


@pytest.mark.parametrize("words", [["perplexity"], ["embed"], ["generate", "job.max_tokens=2"]])
def test_documents_that_no_report_would_show_are_refused(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    texts, place = write_texts(tmp_path / "texts", 1), f"output.path={tmp_path / 'run'}"
    small = ("engine.device=cpu", "engine.num_threads=1")
    assert main([*words, f"data.path={texts}", place, *small]) == 0
    assert main(["report", place, "documents=[nobody]"]) == 2
    assert "documents=nobody has no effect: " in capsys.readouterr().err


def test_a_run_that_is_not_complete_has_a_report_for_who_asks(tmp_path: Path) -> None:
    config = order_of(write_texts(tmp_path / "texts"), tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run(config, ImpatientReporter(num_shards=2))
    assert not (tmp_path / "run" / "report.html").exists()
    assert main(["report", f"output.path={tmp_path / 'run'}"]) == 0
    assert "This run is not complete: 2 of 4 shards" in report_of(tmp_path / "run")
    assert not (tmp_path / "run" / "_SUCCESS").exists()


def test_a_run_whose_report_cannot_be_drawn_is_complete_and_says_so(tmp_path: Path) -> None:
    config = order_of(write_texts(tmp_path / "texts", 1), tmp_path / "run")
    run(config, SilentReporter())
    (tmp_path / "run" / "report.html").unlink()
    (tmp_path / "run" / "report.html").mkdir()
    (tmp_path / "run" / "_SUCCESS").unlink()
    outcome = run(config, SilentReporter())
    assert (tmp_path / "run" / "_SUCCESS").exists()
    assert outcome.report.startswith("none (")
    assert f"longriver report output.path={tmp_path / 'run'}" in outcome.report


@pytest.mark.parametrize(
    "words",
    [
        ["score", "job.token_nll=true"],
        ["perplexity", "job.num_resamples=0"],
        ["embed", "job.precision=ubinary", "job.vectors=segments"],
        ["embed", "job.precision=int8"],
    ],
)
@pytest.mark.parametrize("text", ["", SENTENCE * 3])
def test_a_run_of_next_to_nothing_has_a_report_too(
    tmp_path: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text(text)
    paths = (f"data.path={tmp_path / 'data'}", f"output.path={tmp_path / 'run'}")
    assert main([*words, *paths, "engine.device=cpu", "engine.num_threads=1"]) == 0
    assert f"Report:  {tmp_path / 'run'}/report.html" in capsys.readouterr().out


def test_passwords_in_urls_are_not_told(copied: Path) -> None:
    order = (copied / "run.json").read_text()
    secret = "https://me:hunter2@host/model.pth?sig=abc"
    (copied / "run.json").write_text(re.sub(r'"lora": null', f'"lora": "{secret}"', order))
    assert main(["report", f"output.path={copied}"]) == 0
    report = report_of(copied)
    assert "https://host/model.pth?…" in report
    assert "hunter2" not in report and "sig=abc" not in report


def test_a_folder_that_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", f"output.path={tmp_path}"]) == 2
    assert "name the folder of a run" in capsys.readouterr().err
