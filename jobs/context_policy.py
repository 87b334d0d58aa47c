"""What a token is conditioned on: everything before it, or a window."""

import re
from typing import Annotated

from pydantic import AfterValidator

MAX_WINDOW = 1 << 20
"""Tokens; a worker holds two windows of every document that it reads."""

STREAMING = "streaming"


def window_of(policy: str) -> int | None:
    """Tokens of a window; None where there are none.

    Raises:
        ValueError: the policy is neither.
    """
    if policy == STREAMING:
        return None
    found = re.fullmatch(r"window:([0-9]{1,7})", policy)
    if found is None or not 1 <= int(found[1]) <= MAX_WINDOW:
        raise ValueError(f"give streaming, or window:L with L tokens from 1 to {MAX_WINDOW}")
    return int(found[1])


def _judged(policy: str) -> str:
    window = window_of(policy)
    return STREAMING if window is None else f"window:{window}"


ContextPolicy = Annotated[str, AfterValidator(_judged)]
"""``streaming``, or ``window:L``: lm-evaluation-harness's disjoint rolling windows of L tokens."""
