"""`longriver submit …`: which errand it is, and the words that are left."""

import difflib
from collections.abc import Sequence

from longriver.jobs.complaint import ConfigError
from longriver.jobs.config import ORDERS
from longriver.jobs.submit_config import QUESTIONS, JobQuestion

SUBMIT = "submit"

STAYS_HERE = {
    "--multirun": "a submission is one job; submit each run by itself",
    "--config-dir": "its files stay on this machine; give their keys one by one",
    "--config-name": "its file stays on this machine; give its keys one by one",
}
"""Flags that a submitted order cannot have, and why."""


def errand(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command, that of an order or one of ``QUESTIONS``, and its words.

    Raises:
        ConfigError: what is to be submitted, or asked, is not said.
    """
    if not words or words[0] in ("-h", "--help"):
        return SUBMIT, ["--help"]
    what, *rest = words
    question = f"{SUBMIT} {what}"
    if question in QUESTIONS:
        return question, _of_one_job(question, [_with_key(word, question) for word in rest])
    if what not in ORDERS:
        raise ConfigError(_unknown(what))
    return what, rest


def refuse_flags(flags: Sequence[str]) -> None:
    """Raises ConfigError for what does not travel."""
    for flag in flags:
        name = flag.partition("=")[0]
        if name in STAYS_HERE:
            raise ConfigError(f"{flag} cannot be submitted: {STAYS_HERE[name]}")


def _with_key(word: str, question: str) -> str:
    """A job's name may stand alone, as in ``submit stop NAME``."""
    is_bare = "=" not in word and not word.startswith("-")
    return f"id={word}" if is_bare and issubclass(QUESTIONS[question], JobQuestion) else word


def _of_one_job(question: str, words: list[str]) -> list[str]:
    """Of two values of a key only the last would count."""
    names = [word.removeprefix("id=") for word in words if word.startswith("id=")]
    if len(names) > 1:
        raise ConfigError(f"{question} is for one job at a time, not for {', '.join(names)}")
    return words


def _unknown(what: str) -> str:
    asked = [question.partition(" ")[2] for question in QUESTIONS]
    close = difflib.get_close_matches(what, [*ORDERS, *asked], n=1)
    if "=" in what:
        return f"{what} stands where a job should; write longriver submit score {what}"
    if close:
        return f"submit {what}: there is no such job or question; did you mean {close[0]}?"
    jobs, questions = ", ".join(ORDERS), ", ".join(asked)
    return f"submit {what}: there are the jobs {jobs}, and the questions {questions}"
