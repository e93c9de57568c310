from __future__ import annotations

import httpx
import pytest

from engine.application.remote.errors import RemoteError, error_of
from engine.domain.errors import RetryableError


def problem(status: int, detail: str, **others: object) -> httpx.Response:
    return httpx.Response(status, json={"title": "-", "status": status, "detail": detail, **others})


def test_names_each_line_of_a_file_that_does_not_fit() -> None:
    errors = [{"detail": "unknown field", "pointer": "/sink", "line": 3}]
    reply = problem(422, "the pipeline file does not fit: see errors", errors=errors)

    error = error_of(reply)

    assert isinstance(error, RemoteError)
    assert str(error) == "the pipeline file does not fit\nline 3, /sink: unknown field"


def test_names_fields_without_a_line_by_their_pointer() -> None:
    errors = [{"detail": "too long", "pointer": "/reason"}]

    error = error_of(problem(422, "the request does not fit: see errors", errors=errors))

    assert str(error) == "the request does not fit\n/reason: too long"


@pytest.mark.parametrize(("status", "kind"), [(503, RetryableError), (409, RemoteError)])
def test_only_what_a_retry_can_cure_is_retryable(status: int, kind: type) -> None:
    assert type(error_of(problem(status, "no"))) is kind


def test_says_that_a_reply_is_not_of_the_api() -> None:
    error = error_of(httpx.Response(502, text="<html>"))

    assert str(error) == "the reply is not in this API's error format (HTTP 502)"
