"""The two ways in which the outside world can be wrong: a bad order, and a bad document.

OrderError                the run cannot be carried out as ordered; raised before work starts
├── WeightsError          not a checkpoint that this engine can read
├── TokenizerError        not a vocabulary, or not the one of this checkpoint
├── StateError            not a saved state, or that of another model
├── DeviceError           the device or number type is not there
├── SourceError           input that is missing, unreadable or not of the stated shape
└── PlanMismatch          the run folder belongs to another order
DocumentError             one document cannot be done; it goes to the dead-letter table
RunFailed                 the run stopped half-way; the same command resumes it
"""


class OrderError(Exception):
    """An order that cannot be carried out; the message is one line with thing, value, way out."""


class WeightsError(OrderError):
    """A checkpoint that is missing, damaged, of another model family, or unsafe to load."""


class TokenizerError(OrderError):
    """A vocabulary that cannot be read, or that does not fit the checkpoint."""


class StateError(OrderError):
    """A saved state that cannot be read or written, or that belongs to another model."""


class DeviceError(OrderError):
    """A device or number type that this machine does not have."""


class SourceError(OrderError):
    """Input that is missing, unreadable, or without the column that was named."""


class PlanMismatch(OrderError):
    """A run folder that was planned under another order."""


class RunFailed(Exception):
    """A run that stopped before it was complete; nothing committed is lost."""


class DocumentError(Exception):
    """One document that cannot be done.

    Args:
        reason: short code for the dead-letter table, such as ``null_text``.
        detail: one line for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
