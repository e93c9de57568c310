"""What the server refuses, as errors of the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.domain.errors import FatalError, RetryableError

if TYPE_CHECKING:
    import httpx

SEE_ERRORS = ": see errors"
"""What the detail of a problem ends with for those who read its errors beside it."""


class RemoteError(FatalError):
    """A request that the server has refused.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def error_of(reply: httpx.Response) -> Exception:
    """Return the error that a reply is."""
    try:
        problem = reply.json()
        text = str(problem["detail"])
        errors = problem.get("errors") or ()
        lines = [f"{_place(one)}: {one['detail']}" for one in errors if one["detail"] != text]
    except (ValueError, TypeError, KeyError):
        text, lines = f"the reply is not in this API's error format (HTTP {reply.status_code})", []
    if lines:
        text = text.removesuffix(SEE_ERRORS)
    message = "\n".join([text, *lines])
    return (
        RetryableError(message)
        if reply.status_code == 503
        else RemoteError(reply.status_code, message)
    )


def _place(error: Mapping[str, Any]) -> str:
    line = error.get("line")
    return f"{error['pointer']}" if line is None else f"line {line}, {error['pointer']}"
