"""The front door: what it composes, how it refuses, and which number it leaves with."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.errors import RunFailed, SourceError
from longriver.jobs.actions import Actions
from longriver.jobs.cli import main
from longriver.jobs.config import FolderConfig, InspectConfig, RunConfig
from longriver.jobs.page import COMMANDS
from longriver.jobs.quoting import quoted

CONSOLE_SCRIPT = Path(sys.executable).with_name("longriver")


@dataclass
class Desk:
    """Stands where the pipeline is: notes the orders, and answers with ``code`` or an error."""

    code: int = 0
    error: BaseException | None = None
    runs: list[RunConfig] = field(default_factory=list)
    plans: list[RunConfig] = field(default_factory=list)
    folders: list[FolderConfig] = field(default_factory=list)
    models: list[InspectConfig] = field(default_factory=list)

    @property
    def actions(self) -> Actions:
        return Actions(
            run=lambda config: self._note(self.runs, config),
            plan=lambda config: self._note(self.plans, config),
            status=lambda folder: self._note(self.folders, folder),
            verify=lambda folder: self._note(self.folders, folder),
            gc=lambda folder: self._note(self.folders, folder),
            retry_dead=lambda folder: self._note(self.folders, folder),
            inspect=lambda config: self._note(self.models, config),
        )

    def _note(self, orders: list[object], order: object) -> int:
        orders.append(order)
        if self.error:
            raise self.error
        return self.code


def composed(*words: str) -> RunConfig:
    desk = Desk()
    assert main(["score", *words], desk.actions) == 0
    return desk.runs[0]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a bad order gets; nothing else is said and nothing is done."""
    desk = Desk()
    assert main(words, desk.actions) == 2
    out, err = capsys.readouterr()
    assert out == "" and not (desk.runs or desk.plans or desk.folders)
    assert err.startswith("longriver: error: ") and err.count("\n") == 1
    return err.removeprefix("longriver: error: ").rstrip("\n")


def test_an_order_needs_no_more_than_a_data_path() -> None:
    config = composed("data.path=texts")
    assert (config.data.path, config.output.path) == ("texts", "runs/score")
    assert config.job.kind == "score"


def test_groups_and_keys_of_every_part_are_composed() -> None:
    config = composed("data.path=x", "cluster=ray", "cluster.num_workers=2", "engine.num_slots=4")
    assert (config.cluster.kind, config.cluster.num_workers) == ("ray", 2)
    assert config.engine.num_slots == 4


@pytest.mark.parametrize(
    "path",
    [
        "books/dt=2024-01/*.parquet",
        "文書/ü.txt",
        "my texts/a b.txt",
        "s3://bucket/key?version=1&x=2",
        "data[0-9].txt",
        "~/it's.txt",
        "2024",
        "1e5",
        "true",
        "back\\slash\\",
    ],
)
def test_a_path_needs_no_quotes_of_hydra(path: str) -> None:
    assert composed(f"data.path={path}").data.path == path


def test_a_path_with_a_comma_is_taken_in_quotes() -> None:
    assert composed("data.path='a,b.txt'").data.path == "a,b.txt"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])).filter(lambda t: "${" not in t))
def test_any_text_comes_through_hydras_quotes(text: str) -> None:
    override = OverridesParser.create().parse_override(f"key={quoted(text)}")
    assert override.value() == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "data.path is missing; say which, such as data.path=texts/"),
        ("modle.path=x", "unknown key modle.path; did you mean model.path?"),
        ("modle=demo", "unknown key modle; did you mean model?"),
        ("segment_tokens=3", "unknown key segment_tokens; did you mean job.segment_tokens?"),
        ("+engine.slots=3", "unknown key engine.slots; did you mean engine.num_slots?"),
        (
            "cluster.colour=3",
            "unknown key cluster.colour; there are cluster.kind, cluster.address, "
            "cluster.num_workers, cluster.min_workers, cluster.max_workers, "
            "cluster.gpus_per_worker, cluster.hang_timeout_s, cluster.max_crashed_documents",
        ),
        ("model=large", "model=large is not there; give one of demo"),
        (
            "output=3",
            "output=3 sets a whole group; there are output.path, output.snapshot_tokens, "
            "output.storage_options",
        ),
        ("engine.device=gpu", "engine.device=gpu cannot be used; give auto, cpu or cuda"),
        ("engine.num_slots=0", "engine.num_slots=0 cannot be used; give at least 1 or auto"),
        (
            "engine.num_slots=many",
            "engine.num_slots=many cannot be used; give a whole number or auto",
        ),
        ("job.segment_tokens=1.5", "job.segment_tokens=1.5 cannot be used; give a whole number"),
        (
            "job.segment_tokens=1000001",
            "job.segment_tokens=1000001 cannot be used; give at most 1000000",
        ),
        ("job.token_nll=maybe", "job.token_nll=maybe cannot be used; give true or false"),
        ("job.kind=embed", "job.kind=embed cannot be used; give score"),
        (
            "job.segment_tokens=0 engine.dtype=int4",
            "engine.dtype=int4 cannot be used; give auto, float32, bfloat16, float16 or int8 "
            "(also wrong: job.segment_tokens)",
        ),
        (
            "data.group_columns=lang",
            "data.group_columns=lang cannot be used; give a list such as [first,second]",
        ),
        (
            "data.group_columns=[a=b,c]",
            "cannot read data.group_columns=[a=b,c]; quote what is not plain: "
            '\'data.group_columns=["a=b","c"]\'',
        ),
        (
            "cluster.num_workers=2",
            "cluster.num_workers=2 has no effect with cluster.kind=local; add cluster.kind=ray",
        ),
        (
            "job.segment_tokens=1,2",
            "job.segment_tokens=1,2 is several values; add --multirun for a run with each, "
            "or quote one value: 'job.segment_tokens=\"1,2\"'",
        ),
        ("books/", "books/ is not KEY=VALUE; write data.path=books/"),
        (
            "output.path=${nope}",
            "output.path cannot be resolved: Interpolation key 'nope' not found",
        ),
        (
            "--data.path=x",
            "unrecognized arguments: --data.path=x; keys have no dashes: data.path=…",
        ),
    ],
)
def test_a_bad_order_gets_one_line_with_the_way_out(
    capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    path = ["data.path=x"] if words else []
    assert refusal(capsys, "score", *path, *words.split()) == sentence


def test_a_job_that_is_not_there_is_told_which_are(capsys: pytest.CaptureFixture[str]) -> None:
    found = refusal(capsys, "score", "data.path=x", "job=sing")
    assert found.startswith("job=sing is not there; give one of ") and "score" in found


@pytest.mark.parametrize("value", ["", "null", "[a,b]"])
def test_a_data_path_is_a_text_that_is_not_empty(
    capsys: pytest.CaptureFixture[str], value: str
) -> None:
    assert refusal(capsys, "score", f"data.path={value}").startswith(f"data.path={value} cannot be")


def test_an_unknown_command_is_told_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "scor") == "unknown command scor; did you mean score?"
    assert refusal(capsys, "sing").endswith(f"there are {', '.join(COMMANDS)}")
    assert refusal(capsys, "data.path=x").endswith("write longriver score data.path=x")


def test_a_missing_config_folder_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere" in refusal(capsys, "score", "data.path=x", "--config-dir", "nowhere")


@pytest.mark.parametrize("flags", [["--cfg", "jobs"], ["--info", "x"], ["--resolve"], ["-m", "-c"]])
def test_a_flag_that_hydra_would_refuse_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    assert "--" in refusal(capsys, "score", "data.path=x", *flags)


def test_a_broken_yaml_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("path: [unclosed")
    words = ["data.path=x", "--config-dir", str(tmp_path), "model=mine"]
    assert "mine.yaml" in refusal(capsys, "score", *words)


def test_plan_takes_the_order_of_a_job() -> None:
    desk = Desk()
    assert main(["plan", "data.path=x"], desk.actions) == 0
    assert [config.data.path for config in desk.plans] == ["x"] and not desk.runs


@pytest.mark.parametrize("command", ["status", "verify", "gc"])
def test_a_question_about_a_folder_takes_the_folder_alone(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    desk = Desk(code=1)
    assert main([command, "output.path=runs/dt=1"], desk.actions) == 1
    assert [folder.output.path for folder in desk.folders] == ["runs/dt=1"]
    assert refusal(capsys, command).startswith("output.path is missing")
    assert refusal(capsys, command, "data.path=x").startswith("unknown key data.path")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status"], {"as_json": False}),
        (["status", "json=true"], {"as_json": True}),
        (["status", "--json"], {"as_json": True}),
        (["verify"], {"deep": False}),
        (["verify", "deep=true"], {"deep": True}),
        (["verify", "--deep"], {"deep": True}),
        (["gc"], {"dry_run": False}),
        (["gc", "dry_run=true"], {"dry_run": True}),
        (["gc", "--dry-run"], {"dry_run": True}),
        (["retry-dead"], {"reason": None}),
        (["retry-dead", "reason=nonfinite"], {"reason": ("nonfinite",)}),
        (["retry-dead", "reason=a,b"], {"reason": ("a", "b")}),
        (["retry-dead", "reason=[a,b]"], {"reason": ("a", "b")}),
        (["retry-dead", "cluster.kind=ray"], {"changes": {"cluster": {"kind": "ray"}}}),
        (["retry-dead", "data.path=a=b"], {"changes": {"data": {"path": "a=b"}}}),
    ],
)
def test_housekeeping_is_told_what_to_do(words: list[str], expected: dict[str, object]) -> None:
    desk = Desk()
    assert main([*words, "output.path=runs/x"], desk.actions) == 0
    [config] = desk.folders
    found = config.model_dump()
    changes = found.get("changes", {})
    assert changes.pop("output", {"path": "runs/x"}) == {"path": "runs/x"}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("status json=3", "json=3 cannot be used; give true or false"),
        ("status --deep", "unknown key deep; there are output, json"),
        ("verify deep=maybe", "deep=maybe cannot be used; give true or false"),
        ("verify deep", "deep is not KEY=VALUE; write output.path=deep"),
        ("gc dry_run=1.5", "dry_run=1.5 cannot be used; give true or false"),
        ("gc dryrun=true", "unknown key dryrun; did you mean dry_run?"),
        ("gc cluster.kind=ray", "unknown key cluster.kind; there are output, dry_run"),
        ("retry-dead reason=", "reason= cannot be used; give a text that is not empty"),
        ("retry-dead reason={a:1}", "reason={'a': 1} cannot be used; give a list such as"),
        ("retry-dead cluster=ray", "cluster=ray is a file of settings; give single ones, as in"),
        ("retry-dead engin.dtype=x", "unknown key engin.dtype; did you mean engine.dtype?"),
    ],
)
def test_bad_housekeeping_gets_one_line_with_the_way_out(
    capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    assert refusal(capsys, *words.split(), "output.path=runs/x").startswith(sentence)


def test_a_list_is_written_with_or_without_brackets() -> None:
    for value in ("lang,domain", "[lang,domain]"):
        config = composed("data.path=x", f"data.group_columns={value}")
        assert config.data.group_columns == ("lang", "domain")


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
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["multirun.yaml", "runs", "sweep"]


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


def test_a_question_about_a_checkpoint_needs_no_documents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = Desk()
    assert main(["inspect", "model.path=m.pth", "model.group_norm_eps=1e-5"], desk.actions) == 0
    assert desk.models[0].model.path == "m.pth"
    assert desk.models[0].model.group_norm_eps == 1e-5
    assert "unknown key data.path" in refusal(capsys, "inspect", "data.path=x")


def test_the_page_of_inspect_lists_the_keys_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--help"], Desk().actions) == 0
    out = capsys.readouterr().out
    assert "model.lora_alpha" in out and "data.path" not in out
