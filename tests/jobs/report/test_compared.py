"""The page of two runs has a point for every document, as long as there are not too many."""

import shutil
from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.jobs.report.compared import NUM_SAMPLE, Sample
from longriver.pipeline.pairs import Scored
from tests.jobs.report.conftest import order_words
from tests.jobs.report.test_markup import seen


def scored(index: int) -> Scored:
    return Scored(f"d{index}", 10.0 + index, 10 * (index != 3), 5, [], [], ())


def test_a_sample_passes_everything_on_and_keeps_equal_distances() -> None:
    sample = Sample()
    pairs = [(scored(i), scored(i)) for i in range(10_000)]
    assert list(sample.through(pairs)) == pairs
    assert NUM_SAMPLE / 2 <= len(sample.points) <= NUM_SAMPLE
    assert sample.num_pairs == 9_999 and sample.stride == 8
    assert [name for name, _, _ in sample.points[:2]] == ["d0", "d9"]


def test_documents_without_bytes_have_no_place() -> None:
    sample = Sample()
    assert len(list(sample.through([(scored(3), scored(3))]))) == 1
    assert sample.points == []


def test_two_runs_make_a_page_in_which_data_are_but_text(hostile_run: Path, tmp_path: Path) -> None:
    page = tmp_path / "compared.html"
    shutil.copytree(hostile_run, tmp_path / "b")
    assert main(["compare", str(hostile_run), str(tmp_path / "b"), f"report={page}"]) == 0
    found = seen(page.read_text())
    assert found.tags.count("script") == 1 and "img" not in found.tags
    assert found.tags.count("circle") == 6 + 2 * 10
    assert "<h3>By group</h3>" in page.read_text()


@pytest.mark.parametrize("report", ["/nowhere/x.html", "s3://bucket/x.html", "."])
def test_a_page_that_cannot_be_written_is_refused_before_any_work(
    report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "a", "b", f"report={report}"]) == 2
    assert f"report={report} cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("job", "words", "said"),
    [
        (
            "evaluate",
            ["data.group_columns=[kind]"],
            ["Least expected answers", "Accuracy by group"],
        ),
        ("generate", ["job.max_tokens=4", "job.num_samples=2"], ["Why they ended", "[length]"]),
    ],
)
def test_other_jobs_have_their_sections(
    hostile_run: Path, tmp_path: Path, job: str, words: list[str], said: list[str]
) -> None:
    data = hostile_run.parent / "data.parquet"
    common = [word for word in order_words(data, tmp_path / "run") if word.startswith("data.")]
    keys = {word.partition("=")[0] for word in words}
    common = [word for word in common if word.partition("=")[0] not in keys]
    engine = ["engine.device=cpu", "engine.num_threads=1"]
    assert main([job, *common, f"output.path={tmp_path / 'run'}", *engine, *words]) == 3
    report = (tmp_path / "run" / "report.html").read_text()
    assert [text for text in said if text not in report] == []
    found = seen(report)
    assert found.tags.count("script") == 1 and "img" not in found.tags
    assert "window.hacked = true" in found.text
