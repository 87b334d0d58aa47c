"""Telling a store's passing moods, which a second try gets over, from its refusals."""

import errno
from collections.abc import Iterator

PASSING_ERRNOS = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EIO,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ESTALE,
        getattr(errno, "EREMOTEIO", errno.EIO),  # Linux has it; s3fs makes it of InternalError
    }
)

PASSING_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Of HTTP; 409 is what S3 answers when two conditional requests meet."""

PASSING_CLASSES = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectionError",
        "aiohttp.client_exceptions.ClientPayloadError",
        "azure.core.exceptions.ServiceRequestError",
        "azure.core.exceptions.ServiceResponseError",
        "botocore.exceptions.HTTPClientError",
        "botocore.exceptions.IncompleteReadError",
        "botocore.parsers.ResponseParserError",
        "google.auth.exceptions.TransportError",
        "http.client.HTTPException",
        "httpx.TransportError",
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "urllib3.exceptions.HTTPError",
    }
)
"""Of clients whose network errors are no ``OSError`` that says so; they may not be installed."""


def is_transient(error: BaseException) -> bool:
    """Says whether the same call may succeed in a moment.

    An HTTP status decides where one is known, whatever class a client made of it; else the error
    and what it was raised from count, by class and errno and never by their words.
    """
    chain = list(_chain(error))
    statuses = [status for each in chain if (status := _status(each)) is not None]
    if statuses:
        return statuses[-1] in PASSING_STATUSES
    return any(_is_passing(each) for each in chain)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    """botocore's, then requests' and httpx's, then aiohttp's, Azure's and Google's."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    elif response is not None:
        found = getattr(response, "status_code", None)
    else:
        names = ("status", "status_code", "code")
        found = next((v for n in names if (v := getattr(error, n, None)) is not None), None)
    return found if isinstance(found, int) and 100 <= found < 600 else None


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in PASSING_ERRNOS:
        return True
    names = {f"{each.__module__}.{each.__qualname__}" for each in type(error).__mro__}
    return not names.isdisjoint(PASSING_CLASSES)
