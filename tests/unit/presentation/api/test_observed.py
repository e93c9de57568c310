"""Requests are counted by route, and have ids that replies, problems and logs share."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.application.control.memory_store import MemoryStore
from engine.application.telemetry.correlation import correlated
from engine.application.telemetry.logs import JsonLines, LogIdentity, TextLines
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import RetryableError
from tests.unit.presentation.api.conftest import Ask

TRACE = "0af7651916cd43dd8448eb211c80319c"
Counted = Callable[..., float]


@pytest.fixture
def counted(client: TestClient, app: FastAPI) -> Counted:
    """Return the value of a sample of this test's server."""
    registry = app.state.services.metrics.registry

    def value(name: str, **labels: str) -> float:
        return registry.get_sample_value(f"pynomaly_server_{name}", labels) or 0.0

    return value


def test_requests_are_counted_by_the_template_of_their_route(ask: Ask, counted: Counted) -> None:
    ask("get", f"/incidents/{3:032x}")
    ask("get", "/incidents/none")

    route = "/incidents/{incident_id}"
    assert counted("requests_total", method="GET", route=route, status="200") == 1
    assert counted("requests_total", method="GET", route=route, status="404") == 1
    assert counted("request_seconds_count", method="GET", route=route) == 2


def test_what_clients_make_up_is_no_label(client: TestClient, counted: Counted) -> None:
    client.request("BREW", "/coffee")

    assert counted("requests_total", method="other", route="none", status="404") == 1


def test_a_store_that_is_away_is_counted(
    ask: Ask, counted: Counted, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise RetryableError("the database cannot be used now")

    monkeypatch.setattr(store, "reading", away)

    assert ask("get", "/me").status_code == 503
    assert counted("store_errors_total") == 1


def test_the_id_of_a_request_is_in_its_reply_and_its_problem(client: TestClient) -> None:
    found = client.get("/api/v1/me", headers={"X-Request-ID": "deploy-42.a"})

    assert found.headers["X-Request-ID"] == "deploy-42.a"
    assert found.json()["request_id"] == "deploy-42.a"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 65, "a\u00e9".encode(), b'"}\x7f'])
def test_an_id_that_could_forge_logs_is_replaced(client: TestClient, given: bytes) -> None:
    found = client.get("/healthz", headers={b"X-Request-ID": given})

    assert re.fullmatch("[0-9a-f]{32}", found.headers["X-Request-ID"])


def test_log_lines_of_a_request_have_its_id_and_trace(
    ask: Ask, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, str]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    handler = Kept()
    handler.setFormatter(JsonLines(LogIdentity("server", "server", ""), Redactor()))
    monkeypatch.setattr(logging.getLogger("pynomaly.api"), "handlers", [handler])
    monkeypatch.setattr(store, "writing", lambda: 1 / 0)
    sent = {"X-Request-ID": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}

    found = ask("post", "/tokens", json={"name": "x"}, headers=sent)

    assert (found.status_code, found.json()["request_id"]) == (500, "r-1")
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    [line] = lines
    assert (line["http.request.id"], line["trace.id"]) == ("r-1", TRACE)
    assert line["error.type"] == "ZeroDivisionError"


def test_the_audit_log_names_the_request_of_a_change(ask: Ask) -> None:
    sent = {"X-Request-ID": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
    ask("post", "/tokens", json={"name": "x"}, headers=sent)

    [found] = ask("get", "/audit?limit=1").json()["items"]

    assert (found["request"], found["trace"]) == ("r-1", TRACE)


def test_a_line_of_text_names_its_request() -> None:
    record = logging.LogRecord("pynomaly.api", logging.INFO, "", 0, "refused", None, None)
    lines = TextLines("%(message)s", "", Redactor())

    with correlated("r-2", ""):
        assert lines.format(record) == "refused [request r-2]"
    assert lines.format(record) == "refused"
