"""A refused order in one line: the key, the value, and the way out."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from longriver.engine.errors import OrderError
from longriver.jobs.keys import Key, advice_on_unknown
from longriver.jobs.quoting import quoting_advice

SECRET = ".storage_options"
"""A key that ends so has keys and passwords for its value, which are never repeated."""

OPTIONS_EXAMPLE = "'{}={{key:${{oc.env:NAME}},anon:false}}', a mapping of names to single values"


EXAMPLES = {
    "data.path": "texts/",
    "output.path": "runs/score",
    "cluster.address": "http://head:8265",
}


class ConfigError(OrderError):
    """A command, key or value that longriver does not know."""


def complaint(error: ValidationError, keys: Mapping[str, Key]) -> ConfigError:
    """Says the first thing that is wrong, and counts the others."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_key.setdefault(_key(details["loc"], keys), []).append(details)
    first, *others = by_key
    more = f" (also wrong: {', '.join(others)})" if others else ""
    return ConfigError(_line(first, by_key[first], keys) + more)


def missing(key: str) -> str:
    example = EXAMPLES.get(key, "VALUE")
    return f"{key} is missing; say which, such as {key}={example}"


def unknown(key: str, keys: Mapping[str, Key]) -> str:
    return f"unknown key {key}; {advice_on_unknown(key, keys)}"


def unreadable(word: str, keys: Mapping[str, Key]) -> str:
    """About a word that Hydra's grammar cannot take."""
    if "=" not in word:
        first = next(key for key in ("data.path", "output.path", *keys) if key in keys)
        return f"{word} is not KEY=VALUE; write {first}={word}"
    key = word.partition("=")[0]
    if key.endswith(SECRET):
        return f"cannot read {key}; write {OPTIONS_EXAMPLE.format(key)}"
    return f"cannot read {word}; quote what is not plain: {quoting_advice(word)}"


def without_secrets(word: str) -> str:
    """A word of the command line, to be repeated to whoever reads over a shoulder."""
    key, equals, _ = word.partition("=")
    return f"{key}=…" if equals and key.endswith(SECRET) else word


def shown(value: object) -> str:
    """A value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(shown(item) for item in value)}]"
    return str(value)


def _line(key: str, problems: Sequence[ErrorDetails], keys: Mapping[str, Key]) -> str:
    kinds = {problem["type"] for problem in problems}
    if "extra_forbidden" in kinds:
        return unknown(key, keys)
    if "missing" in kinds:
        return missing(key)
    if "union_tag_invalid" in kinds:
        tags = problems[0]["ctx"]
        wanted = str(tags["expected_tags"]).replace("'", "")
        return f"{key}.kind={tags['tag']} cannot be used; give one of {wanted}"
    if "value_error" in kinds:
        message = str(problems[0]["ctx"]["error"])
        if message.startswith("give "):  # of a single value
            return f"{key}={shown(problems[0]['input'])} cannot be used; {message}"
        names_the_key = not key or message.startswith(f"{key.partition('.')[0]}.")
        return message if names_the_key else f"{key}.{message}"
    if key.endswith(SECRET):
        return f"{key} cannot be used; give {OPTIONS_EXAMPLE.format(key)}"
    wanted = " or ".join(dict.fromkeys(_wanted(problem) for problem in problems))
    return f"{key}={shown(problems[0]['input'])} cannot be used; give {wanted}"


def _key(loc: tuple[int | str, ...], keys: Mapping[str, Key]) -> str:
    """The setting that a place in the order belongs to; pydantic adds indices and union tags."""
    for end in range(len(loc), 0, -1):
        if (name := ".".join(map(str, loc[:end]))) in keys:
            return name
    return ".".join(str(part) for part in loc)


def _wanted(problem: ErrorDetails) -> str:
    bounds = problem.get("ctx", {})
    match problem["type"]:
        case "literal_error":
            return str(bounds["expected"]).replace("'", "")
        case "greater_than_equal":
            return f"at least {bounds['ge']}"
        case "greater_than":
            return f"more than {bounds['gt']}"
        case "less_than_equal":
            return f"at most {bounds['le']}"
        case "int_parsing" | "int_type" | "int_from_float":
            return "a whole number"
        case "float_parsing" | "float_type":
            return "a number"
        case "bool_parsing" | "bool_type":
            return "true or false"
        case "string_type":
            return "a text"
        case "string_too_short":
            return "a text that is not empty"
        case "tuple_type" | "list_type":
            return "a list such as [first,second]"
        case _:
            return problem["msg"]
