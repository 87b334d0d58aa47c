"""The console script, which answers Ctrl-C even while Python is still importing the rest."""

import sys
from collections.abc import Callable

from longriver.jobs.exit_code import ExitCode


def _load() -> Callable[[], int]:
    from longriver.jobs.cli import main

    return main


def main(load: Callable[[], Callable[[], int]] = _load) -> int:
    """Carries out the command line of this process and returns its exit code."""
    try:
        return load()()
    except KeyboardInterrupt:
        print("longriver: interrupted before work began", file=sys.stderr)
        return ExitCode.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
