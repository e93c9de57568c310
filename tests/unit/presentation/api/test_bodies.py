"""What bodies and queries of requests may hold."""

from __future__ import annotations

from typing import Any

import pytest

from engine.presentation.api.app import openapi
from tests.unit.presentation.api.conftest import Ask

ENDPOINTS = [
    (method, path, described["requestBody"]["content"]["application/json"]["schema"])
    for path, methods in openapi()["paths"].items()
    for method, described in methods.items()
    if "application/json" in described.get("requestBody", {}).get("content", {})
]


@pytest.mark.parametrize(
    ("method", "path", "schema"), ENDPOINTS, ids=[f"{one[0]} {one[1]}" for one in ENDPOINTS]
)
def test_a_field_that_an_endpoint_does_not_have_is_refused(
    ask: Ask, method: str, path: str, schema: dict[str, Any]
) -> None:
    path = path.removeprefix("/api/v1").format_map(Filled())

    found = ask(method, path, json={"disabeld": True}, headers={"If-Match": "*"})

    assert found.status_code == 422, schema
    assert "/body/disabeld" in [one["pointer"] for one in found.json()["errors"]]


@pytest.mark.parametrize(
    "path",
    [
        "/anomalies",
        "/anomalies/export",
        "/incidents",
        "/incidents/export",
        "/pipelines/quick/entities",
        "/pipelines/quick/lanes",
        "/pipelines/quick/series?entity=pump-1",
    ],
)
def test_a_filter_that_a_list_does_not_have_is_refused(ask: Ask, path: str) -> None:
    found = ask("get", f"{path}{'&' if '?' in path else '?'}state=open")

    assert found.status_code == 422
    assert [one["pointer"] for one in found.json()["errors"]] == ["/query/state"]


class Filled(dict[str, str]):
    """Any name, for the parameters of a path."""

    def __missing__(self, name: str) -> str:
        return "the-viewer"


def test_a_change_with_a_misspelled_field_changes_nothing(ask: Ask) -> None:
    before = ask("get", "/users/the-viewer").json()

    ask("patch", "/users/the-viewer", json={"disabeld": True}, headers={"If-Match": "*"})

    assert ask("get", "/users/the-viewer").json() == before


def test_a_body_that_is_not_json_is_reported_with_its_line(ask: Ask) -> None:
    headers = {"Content-Type": "application/json"}

    found = ask("post", "/users", content=b'{"name": "ada",\n "role": }', headers=headers)

    assert found.status_code == 422
    assert found.json()["errors"] == [
        {"pointer": "/body", "line": 2, "detail": "Expecting value"},
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "No", "role": "viewer"}, "/body/name"),
        ({"name": "new", "role": "viewer", "password": "short"}, "/body/password"),
        ({"name": "new", "role": "viewer", "grants": {"quick": "admin"}}, "/body/grants"),
        ({"name": "new", "role": "owner"}, "/body/role"),
    ],
)
def test_rules_and_types_name_a_field_in_the_same_way(
    ask: Ask, body: dict[str, Any], pointer: str
) -> None:
    found = ask("post", "/users", json=body)

    assert [one["pointer"] for one in found.json()["errors"]] == [pointer]
