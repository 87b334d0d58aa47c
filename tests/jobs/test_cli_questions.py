"""Commands about run folders and checkpoints: what they are told, and how they refuse."""

import pytest

from longriver.jobs.cli import main
from tests.jobs.desk import Desk, refusal


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
