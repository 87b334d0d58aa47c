"""How commands end: exit codes, interrupts, sweeps, pages of help, and nothing left behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longriver.engine.errors import RunFailed, SourceError
from longriver.jobs.cli import main
from longriver.jobs.commands import COMMANDS
from tests.jobs.desk import Desk, composed

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_that_of_the_run(code: int) -> None:
    assert main(["score", "data.path=x"], Desk(code).actions) == code


def test_an_order_error_in_the_run_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(error=SourceError("data.path=x:\n  no such file"))
    assert main(["score", "data.path=x"], desk.actions) == 2
    assert capsys.readouterr().err == "longriver: error: data.path=x: no such file\n"


def test_a_failed_run_is_one_line_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "data.path=x"], Desk(error=RunFailed("disk full")).actions) == 1
    assert capsys.readouterr().err == "longriver: error: disk full\n"


def test_a_surprise_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "data.path=x"], Desk(error=ZeroDivisionError("ours")).actions) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_says_how_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["score", "data.path=my texts"]
    assert main(words, Desk(error=KeyboardInterrupt()).actions) == 130
    error = capsys.readouterr().err
    assert error.endswith("the same command resumes: longriver score 'data.path=my texts'\n")
    assert error.count("\n") == 1


def test_a_sweep_runs_every_value_and_is_as_good_as_its_worst_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(code=3)
    words = ["job.segment_tokens=8,16", "output.path=runs/${job.segment_tokens}", "--multirun"]
    assert main(["score", "data.path=x", *words], desk.actions) == 3
    assert [config.output.path for config in desk.runs] == ["runs/8", "runs/16"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".sweep", "multirun.yaml", "runs"]


def test_a_sweep_says_at_its_end_how_many_runs_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(error=RunFailed("the disk is full"))
    words = ["-m", "data.path=x", "job.segment_tokens=8,16", "output.path=r${job.segment_tokens}"]
    assert main(["score", *words], desk.actions) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "longriver: error: 2 of 2 runs did not complete, see above"


def test_an_interrupt_ends_the_whole_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(error=KeyboardInterrupt())
    words = ["-m", "data.path=x", "job.segment_tokens=8,16"]
    assert main(["score", *words], desk.actions) == 130
    assert len(desk.runs) == 1


def test_hydra_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    argv, environment = list(sys.argv), dict(os.environ)
    composed("data.path=x")
    assert list(tmp_path.iterdir()) == []
    assert (sys.argv, dict(os.environ)) == (argv, environment)


def test_the_order_is_printed_instead_of_carried_out(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    assert main(["score", "--cfg", "job", "engine.num_slots=7"], desk.actions) == 0
    assert "num_slots: 7" in capsys.readouterr().out
    assert not desk.runs


@pytest.mark.parametrize(
    "words",
    [[], ["--help"], *([command, "-h"] for command in COMMANDS)],
)
def test_help_fits_a_terminal(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words, Desk().actions) == 0
    page = capsys.readouterr().out
    assert page.startswith("longriver")
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("command", ["embed", "perplexity", "generate", "run job=[score,embed]"])
def test_examples_on_a_page_are_of_its_command(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command.split()[0], "--help"], Desk().actions) == 0
    page = capsys.readouterr().out
    assert f"  longriver {command} data.path=books/ output.path=runs/books\n" in page
    assert f"  longriver {command} --multirun " in page and "longriver score" not in page


def test_the_first_page_has_the_defaults_of_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], Desk().actions) == 0
    assert "  job.segment_tokens=1024 " in capsys.readouterr().out


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"], Desk().actions) == 0
    assert capsys.readouterr().out.startswith("longriver 0.")


@pytest.fixture
def longriver(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not CONSOLE_SCRIPT.exists():
        pytest.skip("longriver is not installed as a console script here")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(CONSOLE_SCRIPT), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def test_the_console_script_prints_its_page(
    longriver: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = longriver("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "longriver verify output.path=" in done.stdout


def test_the_console_script_leaves_with_code_2(
    longriver: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = longriver("score", "data.pth=x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "longriver: error: unknown key data.pth; did you mean data.path?\n"
