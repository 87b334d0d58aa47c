"""What a command says to the shell when it ends, and how errors come to say it."""

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.one_line import printable_line


class ExitCode(IntEnum):
    """``EXIT_CODES`` says what each number means."""

    COMPLETE = 0
    FAILED = 1
    BAD_ORDER = 2
    SOME_DEAD = 3
    INTERRUPTED = 130


EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.COMPLETE: "complete",
    ExitCode.FAILED: "failed; from verify: something is wrong with the folder",
    ExitCode.BAD_ORDER: "bad order: one line says why, and nothing was done",
    ExitCode.SOME_DEAD: "complete, but some documents could not be done: they are in dead/",
    ExitCode.INTERRUPTED: "interrupted; the same command resumes",
}

SEVERITY = (
    ExitCode.FAILED,
    ExitCode.BAD_ORDER,
    ExitCode.INTERRUPTED,
    ExitCode.SOME_DEAD,
    ExitCode.COMPLETE,
)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of ``work``; a refusal is one line on stderr, a surprise a traceback.

    Who closes the pipe that results are written to, as ``head`` does, needs no telling.
    """
    try:
        return work()
    except OrderError as error:
        return _complain(error, ExitCode.BAD_ORDER)
    except RunFailed as error:
        return _complain(error, ExitCode.FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except OSError as error:  # a storage's, or the network's: no surprise, and not ours
        said = f"{type(error).__name__}: {error}; what is committed stays, run the command again"
        return _complain(said, ExitCode.FAILED)
    except SystemExit:  # what rich makes of a broken pipe, which it has closed itself
        return ExitCode.FAILED
    except Exception:
        traceback.print_exc()
        return ExitCode.FAILED


def worst(codes: Sequence[int]) -> int:
    """What to say of several runs; of none, that nothing went wrong."""
    return min(codes, key=lambda code: SEVERITY.index(ExitCode(code)), default=ExitCode.COMPLETE)


def _complain(error: Exception | str, code: ExitCode) -> ExitCode:
    print(f"longriver: error: {printable_line(str(error))}", file=sys.stderr)
    return code
