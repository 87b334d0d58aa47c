"""Why a continuation ended."""

from enum import StrEnum


class FinishReason(StrEnum):
    """A stop text, a stop token, or as long as it may be."""

    STOP = "stop"
    END_TOKEN = "end_token"
    LENGTH = "length"
