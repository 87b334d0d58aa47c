"""The words of `longriver lm-eval`, before the harness reads them, and how it ends."""

import os
import signal
import sys
import time

import pytest

from longriver.engine.errors import OrderError
from longriver.jobs.lm_eval_launch import completed, launch
from longriver.jobs.lm_eval_options import read_options


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"pretrained": "x"}, "--model_args pretrained=… is unknown; did you mean path?"),
        ({"num_slot": 3}, "did you mean num_slots?"),
        ({"qqq": 3}, "there are add_bos_token, window"),
        ({"window": 1}, "window=1 cannot be used; give at least 2"),
        ({"dtype": "half"}, "dtype=half cannot be used; give auto, float32"),
        ({"batch_size": 8}, "--batch_size 8 has no effect"),
        ({"path": ""}, "path= cannot be used"),
    ],
)
def test_bad_model_arguments_get_one_line(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(OrderError) as raised:
        read_options(given)
    assert sentence in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["--tasks", "piqa"], True),
        (["run", "--tasks", "piqa"], True),
        (["--model", "hf", "--tasks", "piqa"], False),
        (["--model=hf"], False),
        (["run", "--config", "a.yaml"], False),
        (["ls", "tasks"], False),
        (["run", "--help"], False),
        ([], False),
    ],
)
def test_our_model_is_the_one_that_is_meant(words: list[str], added: bool) -> None:
    found = completed(words)
    assert [word for word in found if word not in ("--model", "longriver")] == [
        word for word in words if word != "--model"
    ]
    assert ("longriver" in found) == added
    assert not words or not added or (found[0] == "run") == (words[0] == "run")


def test_without_lm_eval_one_line_says_how_to_get_it() -> None:
    with pytest.raises(OrderError, match=r"pip install 'longriver\[lm-eval\]'"):
        launch(["--tasks", "piqa"], find=lambda name: None)


def there(name: str) -> str:
    """Says that a package is installed."""
    return name


def test_the_harness_reads_our_words_and_the_process_has_its_own_again() -> None:
    seen: list[list[str]] = []
    before = list(sys.argv)
    assert launch(["--tasks", "piqa"], there, lambda: seen.append(list(sys.argv))) == 0
    assert seen == [["longriver lm-eval", "--model", "longriver", "--tasks", "piqa"]]
    assert sys.argv == before


@pytest.mark.parametrize(("said", "code"), [(None, 0), (0, 0), (2, 2), ("no such task", 1)])
def test_its_exit_is_ours(said: int | str | None, code: int) -> None:
    assert launch(["--tasks", "piqa"], there, lambda: sys.exit(said)) == code


def test_ctrl_c_is_one_line_and_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    assert launch(["--tasks", "piqa"], there, interrupted) == 130
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("longriver: interrupted; with --use_cache FILE the same command goes on")
