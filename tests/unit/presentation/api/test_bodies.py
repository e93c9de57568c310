"""What bodies and queries of requests may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.presentation.api.app import openapi
from engine.presentation.api.permits import PREFIX
from tests.unit.presentation.api.conftest import Ask

# As published, which equals what the server says: to build that takes longer than to read it.
PUBLISHED = json.loads((Path(__file__).parents[4] / "docs" / "openapi.json").read_text())
ENDPOINTS = [
    (method, path, described["requestBody"]["content"]["application/json"]["schema"])
    for path, methods in PUBLISHED["paths"].items()
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


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "json"])
def test_a_body_of_another_type_is_refused_by_its_header(ask: Ask, kind: str) -> None:
    found = ask("post", "/users", content=b'{"name": "ada"}', headers={"Content-Type": kind})

    assert (found.status_code, found.json()["errors"]) == (
        422,
        [
            {
                "pointer": "/header/Content-Type",
                "detail": f'found "{kind}", expected application/json',
            }
        ],
    )


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_is_read_whatever_its_type_says_more(ask: Ask, kind: str) -> None:
    body = b'{"name": "ada", "role": "viewer"}'

    found = ask("post", "/users", content=body, headers={"Content-Type": kind})

    assert found.status_code == 201


def test_a_body_is_refused_where_none_is_read(ask: Ask) -> None:
    refused = ask("post", "/pipelines/quick/start", json={"number": 1})
    empty = ask("post", "/pipelines/quick/start", json={})

    assert (refused.status_code, empty.status_code) == (422, 404)
    assert refused.json()["errors"][0]["pointer"] == "/body"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "expected a text"),
        ("  \n", "expected a text that is not blank"),
        ("a" * 4_001, "expected at most 4,000 characters, found 4,001"),
    ],
)
def test_a_comment_has_a_text_of_some_length(ask: Ask, text: str, detail: str) -> None:
    found = ask("post", f"/incidents/{3:032x}/comments", json={"text": text})

    assert (found.status_code, found.json()["errors"]) == (
        422,
        [{"pointer": "/body/text", "detail": detail}],
    )
