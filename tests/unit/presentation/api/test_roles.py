"""Each endpoint with each role, and with credentials that are none."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.role import Role
from engine.presentation.api.app import openapi
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import PASSWORD, Ask

NONE, VIEWER, OPERATOR, EDITOR, ADMIN = Role
ONE = f"{3:032x}"
JUDGED = {"anomaly": ONE, "verdict": "false_alarm"}
ANY = {"headers": {"If-Match": "*"}}
ENDPOINTS: dict[tuple[str, str], tuple[Role, dict[str, Any]]] = {
    ("get", "/anomalies"): (VIEWER, {}),
    ("get", "/anomalies/export"): (VIEWER, {}),
    ("get", "/anomalies/{anomaly_id}"): (VIEWER, {}),
    ("get", "/incidents"): (VIEWER, {}),
    ("get", "/incidents/export"): (VIEWER, {}),
    ("get", "/incidents/{incident_id}"): (VIEWER, {}),
    ("get", "/incidents/{incident_id}/comments"): (VIEWER, {}),
    ("get", "/incidents/{incident_id}/history"): (VIEWER, {}),
    ("get", "/stream"): (VIEWER, {}),
    ("get", "/detectors"): (VIEWER, {}),
    ("get", "/targets"): (VIEWER, {}),
    ("get", "/backtests"): (VIEWER, {}),
    ("get", "/backtests/{backtest_id}"): (VIEWER, {}),
    ("get", "/backtests/{backtest_id}/anomalies"): (VIEWER, {}),
    ("get", "/backtests/{backtest_id}/comparison"): (VIEWER, {"params": {"before": ONE}}),
    ("post", "/backtests"): (EDITOR, {"json": {"pipeline": "quick", "source": {}}}),
    ("post", "/backtests/{backtest_id}/cancel"): (EDITOR, {}),
    ("get", "/pipelines/{pipeline}/entities"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/series"): (VIEWER, {"params": {"entity": "a"}}),
    ("get", "/pipelines/{pipeline}/nearest"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/state"): (OPERATOR, {}),
    ("get", "/pipelines/{pipeline}/state/export"): (EDITOR, {}),
    ("post", "/pipelines/{pipeline}/state/import"): (EDITOR, {"content": b"none"}),
    ("post", "/pipelines/{pipeline}/state/revert"): (
        EDITOR,
        {"json": {"to": "2026-01-01T00:00:00Z"}},
    ),
    ("get", "/datasets"): (VIEWER, {}),
    ("get", "/datasets/{dataset}"): (VIEWER, {}),
    ("put", "/datasets/{dataset}"): (EDITOR, {"json": {"source": {}, "event": {}}}),
    ("delete", "/datasets/{dataset}"): (EDITOR, ANY),
    ("get", "/datasets/{dataset}/sample"): (EDITOR, {}),
    ("post", "/datasets/suggest"): (EDITOR, {"json": {"source": {}}}),
    ("get", "/pipelines/{pipeline}/lanes"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/alert-rules"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/explain"): (VIEWER, {"params": {"entity": "a"}}),
    ("get", "/me"): (NONE, {}),
    ("post", "/me/password"): (NONE, {"json": {"password": PASSWORD, "new": "other words"}}),
    ("post", "/me/totp"): (NONE, {}),
    ("post", "/me/totp/confirm"): (NONE, {"json": {"code": "000000"}}),
    ("delete", "/users/{name}/totp"): (ADMIN, {}),
    ("get", "/tokens"): (NONE, {}),
    ("post", "/tokens"): (NONE, {"json": {"name": "ci"}}),
    ("delete", "/tokens/{token_id}"): (NONE, {}),
    ("get", "/session"): (NONE, {}),
    ("delete", "/session"): (NONE, {}),
    ("get", "/sessions"): (NONE, {}),
    ("delete", "/sessions/{session_id}"): (NONE, {}),
    ("post", "/incidents/{incident_id}/acknowledge"): (OPERATOR, ANY),
    ("post", "/incidents/{incident_id}/resolve"): (OPERATOR, ANY),
    ("post", "/incidents/{incident_id}/suppress"): (OPERATOR, ANY),
    ("post", "/incidents/{incident_id}/reopen"): (OPERATOR, ANY),
    ("post", "/incidents/{incident_id}/assign"): (OPERATOR, {**ANY, "json": {"assignee": None}}),
    ("get", "/pipelines"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/versions"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/diff"): (VIEWER, {"params": {"before": 1}}),
    ("post", "/pipelines/validate"): (EDITOR, {"json": {"text": "name: a"}}),
    ("put", "/pipelines/{pipeline}"): (EDITOR, {"json": {"text": "name: a"}}),
    ("post", "/pipelines/{pipeline}/rollback"): (EDITOR, {**ANY, "params": {"number": 1}}),
    ("delete", "/pipelines/{pipeline}"): (EDITOR, ANY),
    ("get", "/pipelines/{pipeline}/status"): (VIEWER, {}),
    ("get", "/pipelines/{pipeline}/log"): (OPERATOR, {}),
    ("post", "/pipelines/{pipeline}/start"): (OPERATOR, {}),
    ("post", "/pipelines/{pipeline}/stop"): (OPERATOR, {}),
    ("post", "/pipelines/{pipeline}/restart"): (OPERATOR, {}),
    ("post", "/pipelines/{pipeline}/take-over"): (OPERATOR, {}),
    ("get", "/pipelines/{pipeline}/control"): (VIEWER, {}),
    ("post", "/pipelines/{pipeline}/control/preview"): (VIEWER, {"json": {}}),
    ("post", "/pipelines/{pipeline}/control"): (OPERATOR, {"json": {"silence": {}}}),
    ("delete", "/pipelines/{pipeline}/control/{record_id}"): (OPERATOR, {}),
    ("post", "/pipelines/{pipeline}/feedback/preview"): (VIEWER, {"json": JUDGED}),
    ("post", "/pipelines/{pipeline}/feedback"): (OPERATOR, {"json": JUDGED}),
    ("get", "/pipelines/{pipeline}/dead-letters"): (VIEWER, {}),
    ("post", "/pipelines/{pipeline}/dead-letters/try"): (EDITOR, {"json": {}}),
    ("post", "/pipelines/{pipeline}/dead-letters/redrive"): (OPERATOR, {}),
    ("post", "/incidents/{incident_id}/comments"): (OPERATOR, {"json": {"text": "seen"}}),
    ("get", "/audit"): (ADMIN, {}),
    ("get", "/audit/state"): (ADMIN, {}),
    ("get", "/users"): (ADMIN, {}),
    ("post", "/users"): (ADMIN, {"json": {"name": "new", "role": "viewer"}}),
    ("get", "/users/{name}"): (ADMIN, {}),
    ("patch", "/users/{name}"): (ADMIN, {**ANY, "json": {"role": "viewer"}}),
}
"""The least role of each endpoint that takes a token, and a request that fits."""
FILLED = {
    "pipeline": "quick",
    "record_id": "silence-1",
    "anomaly_id": ONE,
    "incident_id": ONE,
    "backtest_id": ONE,
    "dataset": "plant",
    "token_id": "0" * 16,
    "session_id": "0" * 16,
    "name": "the-viewer",
}
OPEN = {
    ("post", "/api/v1/session"),
    ("post", "/api/v1/session/refresh"),
    ("get", "/api/v1/jwks.json"),
    ("get", "/api/v1/session/oidc"),
    ("get", "/api/v1/session/oidc/callback"),
    ("get", "/api/v1"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}


def endpoints() -> set[tuple[str, str]]:
    return {(method, path) for path, methods in openapi()["paths"].items() for method in methods}


def test_every_endpoint_is_in_the_table() -> None:
    assert endpoints() == {(method, f"/api/v1{path}") for method, path in ENDPOINTS} | OPEN


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_table_says(ask: Ask, role: Role) -> None:
    wrong = {}
    for (method, path), (least, more) in ENDPOINTS.items():
        if (method, path) == ("delete", "/session"):
            continue
        allowed = ask(method, path.format(**FILLED), role, **more).status_code != 403
        if allowed != role.includes(least):
            wrong[method, path] = allowed

    assert wrong == {}


WRONG: dict[str, dict[str, Any]] = {
    "no-json": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "foreign-field": {"json": {"foreign": 1}},
    "foreign-filter": {"params": {"foreign": "1"}},
    "nothing": {},
}
"""Requests that fit no endpoint, or few."""


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("role", Role)
def test_who_may_not_is_refused_before_the_request_is_looked_at(
    ask: Ask, role: Role, given: dict[str, Any]
) -> None:
    wrong = {}
    for (method, path), (least, _) in ENDPOINTS.items():
        if (method, path) == ("delete", "/session"):
            continue
        status = ask(method, path.format(**FILLED), role, **given).status_code
        if (status == 403) == role.includes(least):
            wrong[method, path] = status

    assert wrong == {}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_who_is_unknown_is_asked_for_a_token_before_the_request_is_looked_at(
    client: TestClient, given: dict[str, Any]
) -> None:
    found = {
        (method, path): client.request(method, f"/api/v1{path.format(**FILLED)}", **given)
        for method, path in ENDPOINTS
    }

    assert {one.status_code for one in found.values()} == {401}, found


def test_a_viewer_is_refused_whether_the_pipeline_exists_or_not(ask: Ask) -> None:
    filled = FILLED | {"pipeline": "none"}
    found = {
        (method, path): ask(method, path.format(**filled), VIEWER, **more).status_code
        for (method, path), (least, more) in ENDPOINTS.items()
        if "{pipeline}" in path and least.rank > VIEWER.rank
    }

    assert set(found.values()) == {403}, found


def logged_in(client: TestClient) -> dict[str, str]:
    login = {"name": "the-viewer", "password": PASSWORD}
    made = client.post("/api/v1/session", json=login).json()
    return {"Authorization": f"Bearer {made['access_token']}"}


def of_pipeline(path: str) -> bool:
    return (
        "{pipeline}" in path or path == "/backtests" or path.startswith("/incidents/{incident_id}/")
    )


@pytest.mark.parametrize("granted", [OPERATOR, EDITOR])
@pytest.mark.parametrize("pipeline", ["quick", "other"])
def test_a_grant_holds_on_its_pipeline_alone(
    ask: Ask, client: TestClient, granted: Role, pipeline: str
) -> None:
    body = {"grants": {pipeline: granted}}
    assert ask("patch", "/users/the-viewer", json=body, **ANY).status_code == 200
    shown = logged_in(client)
    wrong = {}
    for (method, path), (least, more) in ENDPOINTS.items():
        role = granted if of_pipeline(path) and pipeline == "quick" else VIEWER
        if path == "/pipelines/validate":
            role = granted
        given = more | {"headers": more.get("headers", {}) | shown}
        if (method, path) == ("delete", "/session"):
            continue

        allowed = ask(method, path.format(**FILLED), **given).status_code

        if (allowed != 403) != role.includes(least):
            wrong[method, path] = allowed
    assert wrong == {}


def test_a_token_of_a_lesser_role_has_lesser_grants(ask: Ask, client: TestClient) -> None:
    ask("patch", "/users/the-viewer", json={"grants": {"quick": "editor"}}, **ANY)

    shown = {"headers": logged_in(client)}
    made = ask("post", "/tokens", json={"name": "a", "role": "operator"}, **shown).json()["token"]
    found = client.get("/api/v1/me", headers={"Authorization": f"Bearer {made}"})
    more = ask("post", "/tokens", json={"name": "a", "role": "admin"}, **shown)

    assert found.json() == {
        "name": "the-viewer",
        "role": "viewer",
        "grants": {"quick": "operator"},
    }
    assert more.status_code == 422


@pytest.mark.parametrize("granted", [VIEWER, OPERATOR, EDITOR])
def test_a_user_without_a_role_may_what_is_granted_on_a_pipeline_alone(
    ask: Ask, client: TestClient, granted: Role
) -> None:
    ask("patch", "/users/the-viewer", json={"role": "none", "grants": {"quick": granted}}, **ANY)
    shown = {"headers": logged_in(client)}

    lists = [ask("get", path, **shown) for path in ("/anomalies", "/incidents", "/backtests")]

    assert [one.status_code for one in lists] == [200, 200, 200]
    assert ask("get", "/pipelines/quick/lanes", **shown).status_code == 200
    assert ask("get", "/pipelines/other/lanes", **shown).status_code == 403
    assert ask("get", "/anomalies?pipeline=other", **shown).status_code == 403
    assert ask("get", "/stream?pipeline=other", **shown).status_code == 403
    assert ask("get", "/datasets", **shown).status_code == 403
    assert ask("get", "/targets", **shown).status_code == 403


def test_a_user_without_a_role_sees_nothing_of_other_pipelines(
    ask: Ask, client: TestClient, store: MemoryStore
) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(90, pipeline="other"), anomaly(91, pipeline="quick")])
    body = {"role": "none", "grants": {"other": "viewer"}}
    ask("get", "/anomalies?pipeline=other")
    ask("patch", "/users/the-viewer", json=body, **ANY)
    shown = {"headers": logged_in(client)}

    listed = ask("get", "/anomalies", **shown).json()["items"]
    exported = ask("get", "/anomalies/export", **shown).text.splitlines()
    streamed = ask("get", "/stream", headers=shown["headers"] | {"Last-Event-ID": "0"}).text

    assert [one["pipeline"] for one in listed] == ["other"]
    assert len(exported) == 1
    assert (f"{90:032x}" in streamed, f"{91:032x}" in streamed) == (True, False)
    assert ask("get", f"/anomalies/{91:032x}", **shown).status_code == 404
    assert ask("get", f"/anomalies/{90:032x}", **shown).status_code == 200
    assert ask("get", f"/incidents/{ONE}", **shown).status_code == 404
    assert ask("get", f"/incidents/{ONE}/comments", **shown).status_code == 404
    assert ask("get", f"/incidents/{ONE}/history", **shown).status_code == 404


def test_a_user_of_several_pipelines_alone_is_asked_for_one(ask: Ask, client: TestClient) -> None:
    body = {"role": "none", "grants": {"quick": "viewer", "other": "viewer"}}
    ask("patch", "/users/the-viewer", json=body, **ANY)
    shown = {"headers": logged_in(client)}

    found = ask("get", "/incidents", **shown)

    assert (found.status_code, "other, quick" in found.text) == (422, True)
    assert ask("get", "/incidents?pipeline=quick", **shown).status_code == 200


@pytest.mark.parametrize("role", ["none", "admin", "chief"])
def test_what_is_of_all_pipelines_is_not_granted_on_one(ask: Ask, role: str) -> None:
    found = ask("patch", "/users/the-viewer", json={"grants": {"quick": role}}, **ANY)

    assert found.status_code == 422


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer x", "Basic YTpi", f"Bearer pyn_{'0' * 16}_{'s' * 43}"]
)
def test_without_a_token_in_force_nothing_is_revealed(
    client: TestClient, header: str | None
) -> None:
    for (method, path), (_, more) in ENDPOINTS.items():
        headers = more.get("headers", {}) | ({} if header is None else {"Authorization": header})
        given = {**more, "headers": headers}

        found = client.request(method, f"/api/v1{path.format(**FILLED)}", **given)

        assert found.status_code == 401, path
        assert found.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_a_lesser_role_allows_no_more(ask: Ask, client: TestClient) -> None:
    made = ask("post", "/tokens", json={"name": "dashboard", "role": "viewer"}).json()

    found = client.get("/api/v1/users", headers={"Authorization": f"Bearer {made['token']}"})

    assert found.status_code == 403
    assert "needs admin to" in found.json()["detail"]


def test_a_token_ends_with_its_session(client: TestClient) -> None:
    login = {"name": "the-editor", "password": PASSWORD}
    made = client.post("/api/v1/session", json=login).json()
    headers = {"Authorization": f"Bearer {made['access_token']}"}

    before = client.get("/api/v1/me", headers=headers)
    ended = client.delete("/api/v1/session", headers=headers)
    after = client.get("/api/v1/me", headers=headers)

    assert before.json() == {"name": "the-editor", "role": "editor", "grants": {}}
    assert (ended.status_code, after.status_code) == (204, 401)
