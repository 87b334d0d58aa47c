"""The front door, `longriver COMMAND KEY=VALUE …`: Hydra composes the order, pydantic judges it."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel, ValidationError
from yaml import YAMLError

from longriver.jobs.actions import Actions
from longriver.jobs.commands import LM_EVAL
from longriver.jobs.complaint import (
    ConfigError,
    complaint,
    missing,
    unknown,
    unreadable,
    without_secrets,
)
from longriver.jobs.config import ORDERS, RunConfig, order_model
from longriver.jobs.elsewhere import (
    refuse_paths_from_here,
    refuse_secrets,
    words_for_submitting,
    words_there,
)
from longriver.jobs.exit_code import ExitCode, guarded, worst
from longriver.jobs.folder_config import (
    FOLDER_FORMS,
    CompareConfig,
    GcConfig,
    ReportConfig,
    RetryConfig,
    StatusConfig,
    VerifyConfig,
)
from longriver.jobs.inspect_config import InspectConfig
from longriver.jobs.job_words import COMBINED, job_words
from longriver.jobs.keys import Key, keys_below, keys_of
from longriver.jobs.quoting import quoted_override, quoting_advice
from longriver.jobs.request import Request, read_request
from longriver.jobs.submit_config import QUESTIONS, HandIn, JobQuestion, JobsConfig, Submission

ACTIONS = Actions()
CONF = Path(__file__).resolve().parents[1] / "conf"
Config = TypeVar("Config", bound=BaseModel)
FORMS: Mapping[str, type[BaseModel]] = {
    **FOLDER_FORMS,
    "compare": CompareConfig,
    "inspect": InspectConfig,
    **QUESTIONS,
}
"""What commands other than those of an order are judged by; each has a YAML file of its name,
those about jobs of a cluster share two."""
QUESTION_FILES: Mapping[type[BaseModel], str] = {
    JobQuestion: "submission",
    JobsConfig: "submissions",
}
DONE = (ExitCode.COMPLETE, ExitCode.SOME_DEAD)
COMPOSING_ERRORS = (HydraException, OmegaConfBaseException, ValueError)


def main(argv: Sequence[str] | None = None, actions: Actions = ACTIONS) -> int:
    """Carries out one command line and returns its exit code.

    Args:
        argv: the words behind ``longriver``; by default those of this process.
        actions: what the commands do with an order that has been judged.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return guarded(lambda: _answer(words, actions))
    except KeyboardInterrupt:
        again = shlex.join(["longriver", *map(without_secrets, words)])
        print(f"longriver: interrupted; the same command resumes: {again}", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _answer(words: Sequence[str], actions: Actions) -> int:
    if words[:1] == [LM_EVAL] and words[1:] not in (["-h"], ["--help"]):
        return actions.lm_eval(words[1:])  # its words are none of ours
    request = read_request(words)
    if isinstance(request, str):
        print(request)
        return ExitCode.COMPLETE
    codes: list[int] = []
    done: list[str] = []

    def carry_out(composed: DictConfig) -> None:
        codes.append(guarded(lambda: _act(request, composed, actions)))
        if codes[-1] in DONE and request.is_order:
            done.append(composed.output.path)

    _compose(request, carry_out)
    if len(set(done)) > 1:
        actions.end_sweep(list(dict.fromkeys(done)))
    num_failed = sum(code not in DONE for code in codes)
    if num_failed and len(codes) > 1:
        told = f"{num_failed} of {len(codes)} runs did not complete, see above"
        print(f"longriver: error: {told}", file=sys.stderr)
    return worst(codes)


def _act(request: Request, composed: DictConfig, actions: Actions) -> int:
    if request.is_submitted:
        return actions.submit(_submission(request, composed))
    order = _plain(composed)
    match request.command:
        case "status":
            return actions.status(_judged(StatusConfig, order))
        case "verify":
            return actions.verify(_judged(VerifyConfig, order))
        case "report":
            return actions.report(_judged(ReportConfig, order))
        case "gc":
            return actions.gc(_judged(GcConfig, order))
        case "retry-dead":
            return actions.retry_dead(_judged(RetryConfig, _with_changes(order)))
        case "compare":
            return actions.compare(_judged(CompareConfig, order))
        case "inspect":
            return actions.inspect(_judged(InspectConfig, order))
        case "plan":
            return actions.plan(_judged(order_model(order), order))
        case question if question in QUESTIONS:
            return actions.ask_cluster(question, _judged(QUESTIONS[question], order))
        case command:
            return actions.run(_judged(ORDERS[command], order))


def _submission(request: Request, composed: DictConfig) -> Submission:
    """The order as it will be carried out elsewhere, judged as far as that can be done here."""
    composed = composed.copy()
    unread = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(unread, dict)
    refuse_secrets(request.overrides, unread)
    for part in ("data", "output"):  # the environment that they name is the cluster's
        composed[part].storage_options = None
    order = _plain(composed)
    cluster = order["cluster"]
    assert isinstance(cluster, dict)
    address = cluster.pop("address")
    here = {"submit": order.pop("submit", {}), "cluster": {"address": address} if address else {}}
    hand_in = _judged(HandIn, here)
    config = _judged(ORDERS[request.command], order)
    refuse_paths_from_here(config)
    words = words_there(request.command, request.overrides)
    return Submission(hand_in, words, config.output.path)


def _plain(composed: DictConfig) -> dict[str, object]:
    """The order without Hydra; nothing that is missing may leak out of it as the text ``???``."""
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ConfigError(missing(str(error.full_key))) from error
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key} cannot be resolved: {_headline(error)}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _judged(model: type[Config], order: Mapping[str, object]) -> Config:
    try:
        return model.model_validate(order)
    except ValidationError as error:
        raise complaint(error, keys_of(model)) from error


def _with_changes(order: Mapping[str, object]) -> Mapping[str, object]:
    """``RetryConfig``'s shape: what is said of the stored order, apart from what asks for it."""
    changes = {part: keys for part, keys in order.items() if part != "reason"}
    output = order["output"]
    assert isinstance(output, dict)
    where = {key: output[key] for key in ("path", "storage_options") if key in output}
    return {"output": where, "reason": order["reason"], "changes": changes}


def _compose(request: Request, carry_out: Callable[[DictConfig], None]) -> None:
    """Has Hydra call ``carry_out`` with each order of the request, or print what a flag asks."""
    form = FORMS.get(request.command) or ORDERS.get(request.command, RunConfig)
    name = request.command if request.command in {*FORMS, COMBINED} else "config"
    name = QUESTION_FILES.get(form, name)
    keys = _keys_for(request.command, form)
    job, words = job_words(request)
    if request.is_submitted:
        keys = {**keys, **keys_of(HandIn)}
        words = words_for_submitting(words, keys)
    overrides = [_checked(word, request, keys) for word in words]
    if form is RetryConfig:
        overrides = [_forced(word) for word in overrides]
    main_of_hydra = hydra.main(str(CONF), name, version_base="1.3")
    with _command_line([*request.flags, *job, *overrides]):
        try:
            main_of_hydra(carry_out)()
        except MissingConfigException as error:
            raise ConfigError(_no_such_option(error)) from error
        except YAMLError as error:
            raise ConfigError(str(error)) from error
        except COMPOSING_ERRORS as error:
            raise ConfigError(_headline(error)) from error
        except SystemExit as done:
            assert not done.code, "Hydra ends early only when a flag asked it to print something"


def _keys_for(command: str, form: type[BaseModel]) -> Mapping[str, Key]:
    """What may be said; along with ``retry-dead`` all that an order has."""
    keys = keys_of(form)
    if command == "retry-dead":
        return {**keys_of(RunConfig), "reason": keys["reason"]}
    return keys


def _forced(word: str) -> str:
    """Of an order's keys, only those that are given stand in the YAML of ``retry-dead``."""
    key = word.lstrip("+").partition("=")[0]
    if key in ("reason", "output.path") or key.startswith(("hydra", "~")):
        return word
    if "." not in key:
        raise ConfigError(f"{word} is a file of settings; give single ones, as in cluster.kind=ray")
    return f"++{word.lstrip('+')}"


@contextmanager
def _command_line(words: list[str]) -> Iterator[None]:
    """Hydra reads its words from the process, and tells its errors only where this is set."""
    argv, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = ["longriver", *words], "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def _checked(word: str, request: Request, keys: Mapping[str, Key]) -> str:
    """The override as Hydra should read it; any text at all is a value of a key that takes text."""
    key, equals, _ = word.partition("=")
    takes_text = key.lstrip("+") in keys and keys[key.lstrip("+")].is_text
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        if takes_text and equals and not request.is_sweep:
            return quoted_override(word)
        raise ConfigError(unreadable(word, keys)) from error
    _require_known(override, word, keys)
    if override.is_sweep_override():
        is_list = key.lstrip("+") in keys and keys[key.lstrip("+")].is_list and "[" not in word
        return _bracketed(word) if is_list and not request.is_sweep else _swept(word, request)
    is_number = isinstance(override.value(), int | float)
    return quoted_override(word) if takes_text and is_number else word


def _require_known(override: Override, word: str, keys: Mapping[str, Key]) -> None:
    name = override.key_or_group
    if "." in name and any(key.startswith(f"{name}.") for key in keys):
        raise ConfigError(f"{word} sets a whole group; {keys_below(name, keys)}")
    groups = {key.partition(".")[0] for key in keys if "." in key}
    if name not in keys and name not in groups and not name.startswith("hydra"):
        raise ConfigError(unknown(name, keys))
    if name in groups and not isinstance(override.value(), str | None):
        raise ConfigError(f"{word} sets a whole group; {keys_below(name, keys)}")


def _bracketed(word: str) -> str:
    """A list as people write it, as one that Hydra reads."""
    key, _, values = word.partition("=")
    return f"{key}=[{values}]"


def _swept(word: str, request: Request) -> str:
    if not request.is_sweep:
        raise ConfigError(
            f"{word} is several values; add --multirun for a run with each, "
            f"or quote one value: {quoting_advice(word)}"
        )
    return word


def _no_such_option(error: MissingConfigException) -> str:
    if error.options is None:
        return _headline(error)
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    return f"{group}={option} is not there; give one of {', '.join(error.options)}"


def _headline(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
