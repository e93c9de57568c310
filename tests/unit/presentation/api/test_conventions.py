"""What all endpoints have in common: pages, conditions, repeats, problems, bounds."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pyarrow.parquet import ParquetFile

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.application.control.rate_limits import LOGINS, RateLimits
from engine.domain.control.role import Role
from engine.presentation.api.app import openapi
from engine.presentation.api.guard import MOST_BYTES
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import Ask

ONE = f"/incidents/{3:032x}"
ROOT = Path(__file__).parents[4]


def test_the_committed_description_is_current() -> None:
    """Regenerate with: pynomaly schema --openapi > docs/openapi.json."""
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == openapi()


def test_links_lead_through_all_pages_with_their_filters(ask: Ask) -> None:
    seen: list[str] = []
    path = "/anomalies?entity=pump-1&limit=2"
    while path:
        found = ask("get", path)
        seen += [one["id"] for one in found.json()["items"]]
        path = found.links["next"]["url"].removeprefix("/api/v1") if found.links else ""

    assert seen == [f"{n:032x}" for n in (5, 4, 3, 2, 1)]


def test_an_anomaly_is_shown_as_it_was_published(ask: Ask) -> None:
    assert ask("get", f"/anomalies/{1:032x}").json() == anomaly(1)


def test_incidents_are_filtered_by_what_people_made_of_them(ask: Ask) -> None:
    ask("post", f"{ONE}/acknowledge", Role.OPERATOR, headers={"If-Match": "*"})

    found = ask("get", "/incidents?status=acknowledged&assignee=the-operator").json()

    assert [one["id"] for one in found["items"]] == [f"{3:032x}"]
    assert found["items"][0]["record"]["event"] == "update"


def test_a_path_without_an_endpoint_leads_to_the_description(client: TestClient) -> None:
    missed = client.get("/api/v1/alarms")

    [path] = [word for word in missed.json()["detail"].split() if word.startswith("/")]
    described = client.get(path)

    assert missed.status_code == 404
    assert "/api/v1/incidents" in described.json()["paths"]


def test_the_index_links_to_all_that_can_be_read(client: TestClient, ask: Ask) -> None:
    found = client.get("/api/v1")
    links = found.json()["links"]
    described = client.get(found.links["service-desc"]["url"]).json()["paths"]

    listed = {one["href"]: one for one in links}
    of_the_api = {path for path, methods in described.items() if "get" in methods}
    assert listed.keys() == of_the_api - {"/api/v1", "/healthz", "/readyz"}
    assert listed["/api/v1/incidents"] == {
        "href": "/api/v1/incidents",
        "title": "List incidents by when they began, the newest first",
        "operation": described["/api/v1/incidents"]["get"]["operationId"],
        "templated": False,
    }
    assert [one["templated"] for one in links] == ["{" in one["href"] for one in links]
    assert found.json()["description"] == found.links["service-desc"]["url"]
    assert ask("get", "?foreign=1").status_code == 422


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=1001", "/query/limit"),
        ("severity=huge", "/query/severity"),
        ("since=yesterday", "/query/since"),
        ("since=0.5", "/query/since"),
        ("since=2026-01-01T00:00:00", "/query/since"),
        ("since=0001-01-01T00:00:00Z", "/query"),
        ("since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "/query/until"),
        ("cursor=x", "/query/cursor"),
        ("cursor=WzEsMl0=", "/query/cursor"),
        ("cursor=%F0%9F", "/query/cursor"),
        ("entity=a%00b", "/query/entity"),
    ],
)
def test_a_query_that_does_not_fit_is_reported_by_its_field(
    ask: Ask, query: str, pointer: str
) -> None:
    found = ask("get", f"/anomalies?{query}")

    assert found.status_code == 422
    assert found.headers["Content-Type"] == "application/problem+json"
    assert [one["pointer"] for one in found.json()["errors"]] == [pointer]


def test_what_a_field_should_be_is_said_first(ask: Ask) -> None:
    found = ask("get", "/anomalies?entity=a%00b")

    assert [one["detail"] for one in found.json()["errors"]] == ["expected a text without NUL"]


def test_a_change_needs_the_revision_that_was_read(ask: Ask) -> None:
    read = ask("get", ONE)

    without = ask("post", f"{ONE}/acknowledge")
    stale = ask("post", f"{ONE}/acknowledge", headers={"If-Match": '"99"'})
    weak = ask("post", f"{ONE}/acknowledge", headers={"If-Match": f"W/{read.headers['ETag']}"})
    fits = ask("post", f"{ONE}/acknowledge", headers={"If-Match": read.headers["ETag"]})
    again = ask("post", f"{ONE}/resolve", headers={"If-Match": read.headers["ETag"]})

    assert [one.status_code for one in (without, stale, weak, fits, again)] == [
        428,
        412,
        412,
        200,
        412,
    ]
    assert ask("get", ONE).headers["ETag"] == fits.headers["ETag"] != read.headers["ETag"]


def test_a_revision_without_quotation_marks_is_no_etag(ask: Ask) -> None:
    found = ask("post", f"{ONE}/acknowledge", headers={"If-Match": "1"})

    assert (found.status_code, found.json()["errors"][0]["pointer"]) == (422, "/header/If-Match")
    assert "quotation marks" in found.json()["detail"]


def test_a_time_without_a_zone_is_refused_with_an_example(ask: Ask) -> None:
    found = ask("get", "/incidents?since=2026-03-01")

    [error] = found.json()["errors"]
    assert error["detail"] == "expected a time with a time zone, such as 2026-01-31T08:00:00Z"


def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(ask: Ask) -> None:
    found = ask("delete", "/incidents")

    assert (found.status_code, found.headers["Allow"]) == (405, "GET")
    assert found.json()["detail"] == "DELETE is not among the methods of this path: GET"


def test_a_change_that_the_status_does_not_allow_is_a_conflict(ask: Ask) -> None:
    found = ask("post", f"{ONE}/reopen", headers={"If-Match": "*"})

    assert found.status_code == 409
    assert "resolved or suppressed" in found.json()["detail"]


def test_whoever_reads_an_incident_sees_who_changed_it_and_why(ask: Ask) -> None:
    ask("post", f"{ONE}/acknowledge", Role.OPERATOR, headers={"If-Match": "*"})
    ask("post", f"{ONE}/comments", json={"text": "looked at it"})
    ask("post", f"{ONE}/resolve", json={"reason": "probe fixed"}, headers={"If-Match": "*"})

    found = ask("get", f"{ONE}/history", Role.VIEWER).json()["items"]

    assert [(one["actor"], one["action"], one["reason"]) for one in found] == [
        ("the-operator", "acknowledge", ""),
        ("the-admin", "comment", ""),
        ("the-admin", "resolve", "probe fixed"),
    ]
    assert (found[2]["before"], found[2]["after"]) == (
        {"status": "acknowledged"},
        {"status": "resolved"},
    )
    assert "address" not in found[0]


def test_a_request_that_is_sent_again_changes_nothing_more(ask: Ask) -> None:
    given = {"json": {"text": "looked at it"}, "headers": {"Idempotency-Key": "k1"}}

    first = ask("post", f"{ONE}/comments", **given)
    again = ask("post", f"{ONE}/comments", **given)
    other = ask("post", f"{ONE}/comments", **{**given, "json": {"text": "something else"}})
    theirs = ask("post", f"{ONE}/comments", Role.OPERATOR, **given)

    assert (first.status_code, again.content) == (201, first.content)
    assert (other.status_code, theirs.status_code) == (409, 201)
    assert len(ask("get", f"{ONE}/comments").json()["items"]) == 2


def test_a_reply_is_not_repeated_to_whom_the_request_is_not_allowed(
    ask: Ask, client: TestClient
) -> None:
    body, key = {"text": "looked at it"}, {"Idempotency-Key": "k1"}
    first = ask("post", f"{ONE}/comments", Role.OPERATOR, json=body, headers=key)
    lesser = ask("post", "/tokens", Role.OPERATOR, json={"name": "screen", "role": "viewer"}).json()
    shown = key | {"Authorization": f"Bearer {lesser['token']}"}

    again = client.post(f"/api/v1{ONE}/comments", json=body, headers=shown)

    assert (first.status_code, again.status_code) == (201, 403)


def test_a_change_that_is_sent_again_is_no_conflict(ask: Ask) -> None:
    tag = ask("get", ONE).headers["ETag"]
    given = {"headers": {"If-Match": tag, "Idempotency-Key": "k1"}, "json": {"reason": "fixed"}}

    first = ask("post", f"{ONE}/resolve", **given)
    again = ask("post", f"{ONE}/resolve", **given)

    assert (again.status_code, again.headers["ETag"]) == (200, first.headers["ETag"])
    assert ask("get", "/audit").json()["items"][0]["reason"] == "fixed"


def test_an_export_has_all_that_fits(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(n, entity="many") for n in range(100, 700)])

    lines = ask("get", "/anomalies/export?entity=many").text.splitlines()

    assert [json.loads(line)["id"] for line in lines] == [f"{n:032x}" for n in range(699, 99, -1)]


def test_a_parquet_export_has_the_columns_and_the_document(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(n, entity="many") for n in range(100, 6_100)])

    found = ask("get", "/anomalies/export?format=parquet&entity=many")

    file = ParquetFile(io.BytesIO(found.content))
    table = file.read().to_pydict()
    assert (file.num_row_groups, file.metadata.num_rows) == (2, 6_000)
    assert table["id"] == [f"{n:032x}" for n in range(6_099, 99, -1)]
    assert json.loads(table["document"][-1]) == anomaly(100, entity="many")
    assert table["time"][-1].value == anomaly(100)["time_ns"]


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_incidents_are_exported_as_people_handle_them(ask: Ask, form: str) -> None:
    ask("post", f"{ONE}/acknowledge", Role.OPERATOR, headers={"If-Match": "*"})

    found = ask("get", f"/incidents/export?status=acknowledged&format={form}")

    if form == "ndjson":
        [row] = map(json.loads, found.text.splitlines())
        assert row == ask("get", ONE).json()
    elif form == "csv":
        [row] = csv.DictReader(io.StringIO(found.text))
        assert row["began"] == ask("get", ONE).json()["began"]
    else:
        [row] = ParquetFile(io.BytesIO(found.content)).read().to_pylist()
        assert row["began"].value == ask("get", ONE).json()["began_ns"]
        assert json.loads(row["document"])["record"]["event"] == "update"
    assert (row["id"], row["assignee"], row["status"]) == (
        f"{3:032x}",
        "the-operator",
        "acknowledged",
    )


@pytest.mark.parametrize("first", list("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
def test_a_table_holds_no_formulas(ask: Ask, store: MemoryStore, first: str) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(9, kind="drift", entity=f"{first}cmd()", summary='say "hi",\nleave')])

    found = ask("get", "/anomalies/export?format=csv&kind=drift")

    [row] = csv.DictReader(io.StringIO(found.text, newline=""))
    assert (row["entity"], row["summary"]) == (f"'{first}cmd()", 'say "hi",\nleave')


def test_a_user_is_changed_with_the_revision_that_was_read(ask: Ask) -> None:
    tag = ask("get", "/users/the-viewer").headers["ETag"]
    change = {"json": {"role": "operator"}, "headers": {"If-Match": tag}}

    done = ask("patch", "/users/the-viewer", **change)
    again = ask("patch", "/users/the-viewer", **change)

    assert (done.status_code, done.json()["role"], again.status_code) == (200, "operator", 412)


def test_a_taken_name_and_a_bad_password_are_refused(ask: Ask) -> None:
    taken = ask("post", "/users", json={"name": "the-viewer", "role": "viewer"})
    bad = ask("post", "/users", json={"name": "new", "role": "viewer", "password": "short"})

    assert (taken.status_code, bad.status_code) == (409, 422)
    assert bad.json()["errors"][0]["pointer"] == "/body/password"


def test_the_log_names_who_did_what_and_is_whole(ask: Ask) -> None:
    ask("post", "/users", json={"name": "new", "role": "viewer"})

    newest = ask("get", "/audit?limit=1").json()
    state = ask("get", "/audit/state").json()

    [record] = newest["items"]
    assert (record["actor"], record["action"]) == ("the-admin", "user.add")
    assert record["after"] == {"disabled": False, "grants": {}, "role": "viewer"}
    assert state == {"records": record["number"], "digest": record["digest"]}
    assert newest["next"] == record["number"]


def test_too_many_attempts_to_log_in_are_held_back(client: TestClient, app: FastAPI) -> None:
    login = {"name": "nobody", "password": "wrong"}
    wrong = client.post("/api/v1/session", json=login)
    for _ in range(LOGINS.amount - 1):
        app.state.services.limits.login("testclient")

    held = client.post("/api/v1/session", json=login)

    assert (wrong.status_code, held.status_code) == (401, 429)
    assert 1 <= int(held.headers["Retry-After"]) <= 61


def test_requests_beyond_the_limit_of_a_user_are_held_back(ask: Ask, app: FastAPI) -> None:
    app.state.services = replace(app.state.services, limits=RateLimits(2))

    users = [ask("get", "/me", Role.VIEWER).status_code for _ in range(3)]
    other = ask("get", "/me", Role.EDITOR).status_code
    wrong = [
        ask("get", "/me", headers={"Authorization": "Bearer none"}).status_code for _ in range(3)
    ]

    assert (users, other, wrong) == ([200, 200, 429], 200, [401, 401, 429])


def test_a_body_that_is_too_large_is_refused(ask: Ask) -> None:
    def slowly():
        for _ in range(3):
            yield b"x" * (MOST_BYTES // 2)

    declared = ask("post", f"{ONE}/comments", content=b"x" * (MOST_BYTES + 1))
    undeclared = ask("post", f"{ONE}/comments", content=slowly())

    assert (declared.status_code, undeclared.status_code) == (413, 413)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"text": 1}',
        b'{"text": "\\u0000"}',
        b'{"text": "\\ud800"}',
    ],
)
def test_a_body_that_does_not_fit_is_a_problem(ask: Ask, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    found = ask("post", f"{ONE}/comments", content=content, headers=headers)

    assert found.status_code in (400, 422)
    assert found.json()["title"]


def test_a_path_with_a_slash_too_many_leads_nowhere(ask: Ask) -> None:
    found = ask("get", "/me/", headers={"Host": "evil.example"}, follow_redirects=False)

    assert found.status_code == 404
    assert "Location" not in found.headers


def test_another_method_is_told_all_that_a_path_has(ask: Ask) -> None:
    found = ask("put", "/users/the-viewer")

    assert (found.status_code, found.headers["Allow"]) == (405, "GET, PATCH")
    assert ask("put", "/openapi.json").status_code == 405


def test_a_time_before_1970_keeps_its_fraction(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(n, time_ns=-n * 10**8, entity="old") for n in (14, 16)])

    found = ask("get", "/anomalies?entity=old&since=1969-12-31T23:59:58.5Z").json()

    assert [one["time_ns"] for one in found["items"]] == [-14 * 10**8]


def test_what_is_not_there_is_a_problem_and_replies_are_not_for_browsers(ask: Ask) -> None:
    for path in ("/incidents/none", "/anomalies/none", "/users/none", "/none"):
        found = ask("get", path)

        assert found.status_code == 404
        assert found.headers["Content-Type"] == "application/problem+json"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Cache-Control"] == "no-store"


def test_a_failure_reveals_nothing(ask: Ask, store: MemoryStore, monkeypatch) -> None:
    monkeypatch.setattr(store, "writing", lambda: 1 / 0)

    found = ask("post", "/tokens", json={"name": "x"})

    assert found.status_code == 500
    assert found.json()["detail"] == "the server has failed: its log says why"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_token(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 200
