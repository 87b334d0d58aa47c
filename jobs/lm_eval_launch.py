"""``longriver lm-eval …``: lm-evaluation-harness's own command line, our model among its models."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from longriver.engine.errors import OrderError
from longriver.jobs.exit_code import ExitCode

MODEL = "longriver"
OTHER_COMMANDS = ("ls", "validate")
NAMES_A_MODEL = ("--model", "-M", "--config", "-C")
GOES_ON = (
    "with --use_cache FILE the same command goes on from the answers that are in it by now, "
    "without it begins anew"
)


def _harness() -> None:
    from lm_eval.__main__ import cli_evaluate

    import_module("longriver.jobs.lm_eval_model")  # registers the model
    cli_evaluate()


def launch(
    words: Sequence[str],
    find: Callable[[str], object] = find_spec,
    harness: Callable[[], object] = _harness,
) -> int:
    """Passes the words on; without ``--model`` the model is ours.

    Args:
        find: says whether a package is installed.
        harness: does what the command line of this process says.

    Raises:
        OrderError: lm-eval is not installed.
    """
    if find("lm_eval") is None:
        raise OrderError("lm-eval is not installed; pip install 'longriver[lm-eval]'")
    with _command_line(completed(words)):
        try:
            harness()
        except SystemExit as end:  # of its parser: help, or a flag that it does not know
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            print(f"longriver: interrupted; {GOES_ON}", file=sys.stderr)
            return ExitCode.INTERRUPTED
    return ExitCode.COMPLETE


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
