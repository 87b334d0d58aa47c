"""How commands end when nobody reads what they print."""

import subprocess
import sys

import pytest

PRINTS = {
    "print": "print('x' * 1_000_000)",
    "rich": "[Console().print('x' * 70) for _ in range(10_000)]",
}


@pytest.mark.parametrize("how", list(PRINTS))
def test_a_closed_pipe_ends_a_command_without_a_word(how: str) -> None:
    code = (
        "import sys; from rich.console import Console; "
        "from longriver.jobs.exit_code import guarded; "
        f"sys.exit(guarded(lambda: {PRINTS[how]}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr.read() == b""
