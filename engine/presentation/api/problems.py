"""Problems: every error in the format of RFC 9457, with the field concerned."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from engine.application.config.issues import ISSUES
from engine.application.control.check_pipeline_text import FileIssue, UnfitPipelineError
from engine.application.telemetry.correlation import current_correlation
from engine.domain.control.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RequestError,
    StaleError,
    UnauthenticatedError,
)
from engine.domain.errors import RetryableError

logger = logging.getLogger("pynomaly.api")
MEDIA_TYPE = "application/problem+json"
STATUSES = {
    InvalidRequestError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    StaleError: 412,
    ForbiddenError: 403,
    UnauthenticatedError: 401,
}
RETRY_SECONDS = 5


class FieldProblem(BaseModel):
    """An error in one field."""

    pointer: str
    """JSON pointer into the request: /body/..., /query/..., /header/...; into a pipeline file for
    its fields."""
    line: int | None = None
    """Line of a pipeline file, or of a body that is not JSON."""
    detail: str


class Problem(BaseModel):
    """An error in the format of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None
    request_id: str | None = None
    """Id of the request, as in the header X-Request-ID and in the log of the server."""


PLACES = ("body", "query", "path", "header")
"""Of a request, that pointers begin with."""


class PreconditionRequiredError(RequestError):
    """A change without the revision that it applies to."""


BEYOND = {
    "login": "too many attempts to log in",
    "user": "too many requests of this user",
    "address": "too many requests of this address without a token in force",
}


class TooManyRequestsError(RequestError):
    """Too many requests, beyond which `limit`; `seconds` to wait."""

    def __init__(self, limit: str, seconds: float) -> None:
        super().__init__(f"{BEYOND[limit]}: try again in {seconds:.0f} s")
        self.seconds = seconds


def problem(
    status: int, detail: str, errors: Sequence[FieldProblem] = (), **headers: str
) -> Response:
    """Return a problem as a response."""
    request = current_correlation()
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors) or None,
        request_id=None if request is None else request.request,
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = orjson.dumps(body.model_dump(exclude_none=True))
    return Response(content, status, named, MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Register handlers that answer every error with a problem."""
    app.add_exception_handler(RequestError, lambda _request, error: refused(error))
    app.add_exception_handler(RetryableError, _away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def refused(error: Exception) -> Response:
    """Return the problem of a request that is refused."""
    if isinstance(error, TooManyRequestsError):
        return problem(429, str(error), Retry_After=str(int(error.seconds) + 1))
    if isinstance(error, PreconditionRequiredError):
        return problem(428, str(error))
    status = STATUSES.get(type(error), 400)
    if isinstance(error, UnfitPipelineError):
        return problem(422, str(error), [_of_file(one) for one in error.issues])
    if isinstance(error, InvalidRequestError):
        return problem(status, str(error), [_of_field(error)])
    if status == 401:
        return problem(status, str(error), WWW_Authenticate="Bearer")
    return problem(status, str(error))


def _of_field(error: InvalidRequestError) -> FieldProblem:
    """Return the problem of a field; rules of the domain name fields of bodies alone."""
    where = error.field.partition("/")[0]
    field = error.field if where in PLACES else f"body/{error.field}"
    return FieldProblem(pointer=f"/{field}", detail=str(error))


def _of_file(issue: FileIssue) -> FieldProblem:
    return FieldProblem(pointer=issue.pointer, detail=issue.text, line=issue.line or None)


def _away(request: Request, error: Exception) -> Response:
    request.app.state.services.metrics.refused.inc()
    logger.warning("a request was refused: %s", error)
    return problem(503, "the store cannot be used now", Retry_After=str(RETRY_SECONDS))


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    [first, *_] = error.errors()
    if first["type"] == "json_invalid":
        return problem(422, "the body is not JSON", [_of_text(error.body, first)])
    errors = [
        FieldProblem(pointer="/" + "/".join(map(_escaped, place)), detail=text)
        for found in error.errors()
        for place, text in _issues(found)
    ]
    return problem(422, "the request does not fit: see errors", errors)


def _of_text(text: str, found: dict[str, Any]) -> FieldProblem:
    """Return the problem of a text that is not JSON; FastAPI's place is a position in it."""
    line = text.count("\n", 0, found["loc"][1]) + 1
    return FieldProblem(pointer="/body", detail=found["ctx"]["error"], line=line)


def _issues(found: dict[str, Any]) -> list[tuple[tuple[object, ...], str]]:
    """Return place and text of each thing that is wrong; checks of a model may find several."""
    loc = tuple(found["loc"])
    issues = found.get("ctx", {}).get(ISSUES, ())
    several = [((*loc, *one.place), one.text) for one in issues if one.text]
    return several or [(loc, _sentence(found))]


def _sentence(found: dict[str, Any]) -> str:
    """Return what is wrong with a field; Pydantic counts items in the length of a text."""
    given, limits = found.get("input"), found.get("ctx", {})
    if found["type"] == "too_short" and isinstance(given, str):
        least = limits["min_length"]
        return "expected a text" if least == 1 else f"expected at least {least} characters"
    if found["type"] == "too_long" and isinstance(given, str):
        return f"expected at most {limits['max_length']:,} characters, found {len(given):,}"
    if found["type"] == "timezone_aware":
        return "expected a time with a time zone, such as 2026-01-31T08:00:00Z"
    # Pydantic's words in front of those of a check here.
    return str(found["msg"]).removeprefix("Value error, ")


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := _methods(request)):
        headers["Allow"] = ", ".join(sorted(methods))
    detail = str(error.detail)
    if error.status_code == 405 and "Allow" in headers:
        detail = f"{request.method} is not among the methods of this path: {headers['Allow']}"
    if error.status_code == 404:
        # The router's: what an endpoint does not find is a NotFoundError.
        detail = f"no endpoint has this path: {request.app.openapi_url} describes all of them"
    return problem(error.status_code, detail, (), **headers)


def _methods(request: Request) -> set[str]:
    """Return the methods of all endpoints of a path; the router names those of the first alone."""
    paths = request.app.openapi()["paths"]
    path = request.scope["path"]
    matching = [one for one in paths if compile_path(one)[0].match(path)]
    # A path without parameters takes precedence over one whose parameter it matches.
    meant = min(matching, key=lambda one: one.count("{"), default=None)
    return set() if meant is None else {method.upper() for method in paths[meant]}
