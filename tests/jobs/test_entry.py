"""Ctrl-C before the command line has even been read."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from longriver.jobs.entry import main


def test_an_interrupt_while_importing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Callable[[], int]:
        raise KeyboardInterrupt

    assert main(interrupted) == 130
    assert capsys.readouterr().err == "longriver: interrupted before work began\n"


def test_the_exit_code_is_passed_on() -> None:
    assert main(lambda: lambda: 3) == 3


def test_help_and_refusals_do_without_torch_and_arrow() -> None:
    program = (
        "import sys, longriver.jobs.cli as c; c.main(['score', '--help']); c.main(['score']); "
        "print([name for name in ('torch', 'numba', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
