"""Ctrl-C before the command line has even been read."""

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
