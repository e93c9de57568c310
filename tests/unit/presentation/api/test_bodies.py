"""What bodies and queries of requests may hold."""

from __future__ import annotations

from typing import Any

import pytest

from engine.presentation.api.app import openapi
from engine.presentation.api.permits import PREFIX
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


def test_a_parameter_that_an_endpoint_does_not_have_is_refused(ask: Ask) -> None:
    wrong = {}
    for path, methods in openapi()["paths"].items():
        # Providers of identities add what they like, and so do load balancers.
        if path.endswith("/oidc/callback") or not path.startswith(PREFIX):
            continue
        for method in methods:
            found = ask(method, path.removeprefix(PREFIX).format_map(Filled()) + "?state=open")
            pointers = [one["pointer"] for one in found.json().get("errors", [])]
            if (found.status_code, pointers) != (422, ["/query/state"]):
                wrong[method, path] = found.text

    assert wrong == {}


def test_an_identity_provider_may_add_parameters(ask: Ask) -> None:
    found = ask("get", "/session/oidc/callback?code=1&session_state=2")

    assert found.status_code == 404
    assert "no identity provider is set up" in found.json()["detail"]


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
