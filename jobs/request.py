"""The words of a command line, sorted into command, flags and overrides."""

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NoReturn

from longriver.jobs.commands import COMMANDS
from longriver.jobs.complaint import ConfigError
from longriver.jobs.config import ORDERS
from longriver.jobs.page import general_page, page_of
from longriver.jobs.submit_words import SUBMIT, errand, refuse_flags

SPELLINGS = {"--deep": "deep=true", "--dry-run": "dry_run=true", "--json": "json=true"}
"""Switches, for those who expect dashes."""

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; flags are Hydra's own, spelt in full.

    is_submitted: the order is to be handed to a cluster.
    """

    command: str
    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    is_sweep: bool
    is_submitted: bool = False

    @property
    def is_order(self) -> bool:
        """Whether it is carried out here, into a run folder."""
        return self.command in ORDERS and not self.is_submitted


def read_request(words: Sequence[str]) -> Request | str:
    """The request, or the text to print where words ask for help or the version only."""
    if not words or words[0] in ("-h", "--help", "help"):
        return general_page()
    if words[0] == "--version":
        return f"longriver {version('longriver')}"
    command, *rest = words
    if command not in COMMANDS:
        raise ConfigError(_unknown_command(command))
    if command == SUBMIT:
        command, rest = errand(rest)
    given = vars(_parser().parse_intermixed_args([SPELLINGS.get(word, word) for word in rest]))
    if given.pop("help"):
        return page_of(words[0])
    overrides = tuple(given.pop("overrides"))
    if command == "compare":
        overrides = _named_sides(overrides)
    is_submitted = words[0] == SUBMIT and command in ORDERS
    flags = _flags(given)
    if is_submitted:
        refuse_flags(flags)
    return Request(command, flags, overrides, given["multirun"], is_submitted)


def _named_sides(words: tuple[str, ...]) -> tuple[str, ...]:
    """Two folders need no names."""
    folders = [word for word in words if "=" not in word]
    others = [word for word in words if "=" in word]
    named = [word for word in others if word.startswith(("a=", "b="))]
    if len(folders) != 2 and (folders or not named):
        raise ConfigError(f"compare takes two run folders, not {len(folders)}: compare A B")
    sides = [f"{side}={folder}" for side, folder in zip("ab", folders, strict=False)]
    return (*sides, *others)


def _flags(given: dict[str, object]) -> tuple[str, ...]:
    spelt = {f"--{name.replace('_', '-')}": value for name, value in given.items() if value}
    return tuple(flag if value is True else f"{flag}={value}" for flag, value in spelt.items())


def _unknown_command(command: str) -> str:
    close = difflib.get_close_matches(command, COMMANDS, n=1)
    if close:
        return f"unknown command {command}; did you mean {close[0]}?"
    if "=" in command:
        return f"{command} stands where a command should; write longriver score {command}"
    return f"unknown command {command}; there are {', '.join(COMMANDS)}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        is_key = message.startswith("unrecognized") and "=" in message
        advice = "keys have no dashes: data.path=…" if is_key else "--help lists the flags"
        raise ConfigError(f"{message}; {advice}")


def _parser() -> _Parser:
    """Those of Hydra's flags that make sense here; its pickled reruns do not."""
    parser = _Parser(prog="longriver", add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--hydra-help", action="store_true")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-c", "--cfg", choices=["job", "hydra", "all"])
    what.add_argument("-m", "--multirun", action="store_true")
    what.add_argument("-i", "--info", nargs="?", const="all", choices=INFO)
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("-cn", "--config-name")
    parser.add_argument("-cd", "--config-dir")
    return parser
