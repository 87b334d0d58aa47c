"""``longriver lm-eval …``: lm-evaluation-harness's own command line, our model among its models."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from longriver.engine.errors import OrderError

MODEL = "longriver"
OTHER_COMMANDS = ("ls", "validate")
NAMES_A_MODEL = ("--model", "-M", "--config", "-C")


def launch(words: Sequence[str], find: Callable[[str], object] = find_spec) -> int:
    """Passes the words on; without ``--model`` the model is ours.

    Args:
        find: says whether a package is installed.

    Raises:
        OrderError: lm-eval is not installed.
    """
    if find("lm_eval") is None:
        raise OrderError("lm-eval is not installed; pip install 'longriver[lm-eval]'")
    from lm_eval.__main__ import cli_evaluate

    import_module("longriver.jobs.lm_eval_model")  # registers the model
    with _command_line(completed(words)):
        try:
            cli_evaluate()
        except SystemExit as end:  # of its parser: help, or a flag that it does not know
            return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def completed(words: Sequence[str]) -> list[str]:
    """The words, with our model for whoever runs tasks and names none."""
    names_a_model = any(word.partition("=")[0] in NAMES_A_MODEL for word in words)
    if names_a_model or not words or words[0] in OTHER_COMMANDS or set(words) & {"-h", "--help"}:
        return list(words)
    command = [] if words[0].startswith("-") else [words[0]]
    return [*command, "--model", MODEL, *words[len(command) :]]


@contextmanager
def _command_line(words: list[str]) -> Iterator[None]:
    """lm-eval reads its words from the process."""
    argv = sys.argv
    sys.argv = ["longriver lm-eval", *words]
    try:
        yield
    finally:
        sys.argv = argv
