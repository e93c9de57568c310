"""Why a request to the control plane is refused."""

from __future__ import annotations

from engine.domain.errors import FatalError


class RequestError(FatalError):
    """A request that cannot be fulfilled as it is."""


class InvalidRequestError(RequestError):
    """A value does not fit.

    Attributes:
        field: name of the field that is meant.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(RequestError):
    """There is nothing of this name or id."""


class ConflictError(RequestError):
    """What is stored does not allow it."""


class StaleError(RequestError):
    """It was changed since the caller read it."""


class ForbiddenError(RequestError):
    """The caller's role does not allow it."""


class UnauthenticatedError(RequestError):
    """Nobody is logged in: the credentials are missing, wrong or expired."""


class AuditBrokenError(RequestError):
    """The audit log is not what was written."""
