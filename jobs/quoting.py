"""Hydra's quotes: how a text comes through its grammar unchanged."""

import re
import shlex


def quoted(text: str) -> str:
    """``text`` in double quotes; backslashes count only before a quote, as Hydra reads them."""
    escaped = re.sub(r'(\\*)("|$)', lambda m: m[1] * 2 + (m[2] and '\\"'), text)
    return f'"{escaped}"'


def quoted_override(override: str) -> str:
    """``KEY=VALUE`` with its value quoted."""
    key, _, value = override.partition("=")
    return f"{key}={quoted(value)}"


def quoting_advice(override: str) -> str:
    """How to write the override in a shell; of a list, each item is quoted."""
    key, _, value = override.partition("=")
    if not (value.startswith("[") and value.endswith("]")):
        return shlex.quote(quoted_override(override))
    items = ",".join(quoted(item.strip()) for item in value[1:-1].split(","))
    return shlex.quote(f"{key}=[{items}]")
