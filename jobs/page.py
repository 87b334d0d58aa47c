"""How the pages of `longriver --help` are laid out; every default on them is the models' own."""

from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version

from pydantic import BaseModel

from longriver.jobs.commands import COMMANDS, LM_EVAL
from longriver.jobs.complaint import shown
from longriver.jobs.config import ORDERS, RunConfig
from longriver.jobs.exit_code import EXIT_CODES
from longriver.jobs.folder_config import FOLDER_FORMS, CompareConfig
from longriver.jobs.help_keys import (
    COMPARE_KEYS,
    DERIVED,
    ESSENTIAL,
    FOLDER_KEYS,
    KEYS,
    LM_EVAL_KEYS,
    SUBMIT_KEYS,
)
from longriver.jobs.help_texts import (
    COMPARE_NOTES,
    EXAMPLES,
    FLAGS,
    FOLDER_NOTES,
    OWN_KEYS,
    SUBMIT_NOTES,
    SWEEPS,
)
from longriver.jobs.inspect_config import InspectConfig
from longriver.jobs.keys import REQUIRED, Key, keys_of
from longriver.jobs.lm_eval_options import LmEvalOptions
from longriver.jobs.submit_config import HandIn


def general_page() -> str:
    return _page(
        f"longriver {version('longriver')}: documents of any length through an RWKV network\n",
        "usage: longriver COMMAND KEY=VALUE ...\n",
        _rows(COMMANDS.items(), 11),
        "The essential keys, with the defaults of score; data.path has none:",
        _keys(ORDERS["score"], ESSENTIAL),
        _endings("score"),
        "`longriver COMMAND --help` says more.",
    )


def page_of(command: str) -> str:
    """What ``longriver COMMAND --help`` says."""
    if command == "inspect":
        return _inspect_page()
    if command == "compare":
        return _compare_page()
    if command == "submit":
        return _submit_page()
    if command == LM_EVAL:
        return _lm_eval_page()
    return _folder_page(command) if command in FOLDER_FORMS else _job_page(command)


def _job_page(command: str) -> str:
    """The page of a command that takes an order."""
    order = "run job=[score,embed]" if command == "run" else command
    example = order if command in ORDERS else "score"
    return _page(
        f"longriver {command}\n",
        f"  {COMMANDS[command]}\n",
        f"usage: longriver {order} data.path=PATH KEY=VALUE ...\n",
        *([OWN_KEYS] if command == "run" else []),
        "Keys, with their defaults; data.path has none:",
        _keys(ORDERS.get(command, RunConfig), KEYS),
        "Flags:",
        _rows(FLAGS.items(), 18),
        _endings(example),
        SWEEPS.replace("ORDER", example),
    )


def _submit_page() -> str:
    keys = keys_of(HandIn).values()
    return _page(
        "longriver submit\n",
        f"  {COMMANDS['submit']}\n",
        "usage: longriver submit JOB data.path=PATH output.path=PATH KEY=VALUE ...",
        "       longriver submit logs|status|stop NAME cluster.address=ADDRESS",
        "       longriver submit list cluster.address=ADDRESS\n",
        f"JOB is one of {', '.join(ORDERS)};\nits keys are those of longriver JOB. Beside them:",
        _rows(((_with_default(key), SUBMIT_KEYS[key.name]) for key in keys), 34),
        SUBMIT_NOTES,
    )


def _compare_page() -> str:
    keys = keys_of(CompareConfig)
    rows = ((_with_default(keys[name]), COMPARE_KEYS[name]) for name in COMPARE_KEYS)
    return _page(
        "longriver compare\n",
        f"  {COMMANDS['compare']}\n",
        "usage: longriver compare FOLDER FOLDER KEY=VALUE ...\n",
        _rows(rows, 30),
        COMPARE_NOTES,
    )


def _lm_eval_page() -> str:
    known = keys_of(LmEvalOptions).items()
    rows = (
        (
            _with_default(replace(key, name=name.rpartition(".")[2])),
            LM_EVAL_KEYS.get(name) or KEYS[name],
        )
        for name, key in known
    )
    return _page(
        "longriver lm-eval\n",
        f"  {COMMANDS[LM_EVAL]}\n",
        "usage: longriver lm-eval --tasks TASK,... --model_args KEY=VALUE,...",
        "       longriver lm-eval run --help",
        "       longriver lm-eval ls tasks\n",
        "All words go to lm-eval, which comes with pip install 'longriver[lm-eval]'.",
        "Unless --model names another, the model is longriver; its --model_args:",
        _rows(rows, 30),
    )


def _inspect_page() -> str:
    return _page(
        "longriver inspect\n",
        f"  {COMMANDS['inspect']}\n",
        "usage: longriver inspect model.path=PATH KEY=VALUE ...\n",
        _keys(InspectConfig, [key for key in KEYS if key.startswith("model.")]),
    )


def _folder_page(command: str) -> str:
    """The page of a command that takes a run folder."""
    keys = keys_of(FOLDER_FORMS[command])
    rows = ((_with_default(keys[name]), FOLDER_KEYS[name]) for name in keys if name in FOLDER_KEYS)
    return _page(
        f"longriver {command}\n",
        f"  {COMMANDS[command]}\n",
        f"usage: longriver {command} output.path=FOLDER KEY=VALUE ...\n",
        _rows(rows, 30),
        FOLDER_NOTES[command],
    )


def _page(*paragraphs: str) -> str:
    return "\n".join(paragraphs)


def _keys(model: type[BaseModel], names: Iterable[str]) -> str:
    keys = keys_of(model)
    return _rows(((_with_default(keys[name]), KEYS[name]) for name in names if name in keys), 30)


def _with_default(key: Key) -> str:
    """As it would be written on the command line."""
    value = DERIVED[key.name] if key.default is REQUIRED else shown(key.default)
    return f"{key.name}={value}"


def _rows(rows: Iterable[tuple[str, str]], width: int) -> str:
    return "".join(f"  {left:<{width - 1}} {right}\n" for left, right in rows)


def _endings(order: str) -> str:
    return _page(
        "Exit codes:",
        _rows(((f"{code:d}", meaning) for code, meaning in EXIT_CODES.items()), 5),
        "Examples:",
        EXAMPLES.replace("ORDER", order),
    )
