"""The front door: what it composes of an order, and how it refuses one."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from longriver.jobs.cli import main
from longriver.jobs.commands import COMMANDS
from longriver.jobs.quoting import quoted
from tests.jobs.desk import Desk, composed, refusal


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("job=embed job.pooling=x", "job.pooling=x cannot be used; give mean, last, weighted or"),
        ("job=embed job.pooling=state job.layer=0", "job.layer=0 with pooling=state: what enters"),
        ("job=generate job.top_p=2", "job.top_p=2 cannot be used; give at most 1.0"),
        ("job.kind=sing", "job.kind=sing cannot be used; give one of score, embed, perplexity"),
    ],
)
def test_plan_names_the_keys_of_the_job_as_they_were_written(
    capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    assert refusal(capsys, "plan", "data.path=x", *words.split()).startswith(sentence)


def test_a_list_is_written_with_or_without_brackets() -> None:
    for value in ("lang,domain", "[lang,domain]"):
        config = composed("data.path=x", f"data.group_columns={value}")
        assert config.data.group_columns == ("lang", "domain")
