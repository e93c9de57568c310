"""The API keeps what its clients rely on: a breaking change fails here."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from engine.presentation.api.app import openapi
from tests.support.api_contract import broken, contract_of

RELEASED = Path(__file__).with_name("contract.json")
LIST = "/api/v1/anomalies"
LOGIN = "/api/v1/session"


def test_the_api_breaks_nothing_that_clients_rely_on() -> None:
    """See tests/support/api_contract.py where clients are meant to change."""
    assert broken(json.loads(RELEASED.read_text()), contract_of(openapi())) == []


def _without_path(document: dict[str, Any]) -> None:
    del document["paths"][LIST]


def _without_parameter(document: dict[str, Any]) -> None:
    document["paths"][LIST]["get"]["parameters"].pop(0)


def _without_severity(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Severity"]["enum"].pop()


def _with_needed_parameter(document: dict[str, Any]) -> None:
    document["paths"][LIST]["get"]["parameters"][0]["required"] = True


def _without_field_of_reply(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["Anomalies"]["properties"]["next"]


def _with_needed_field(document: dict[str, Any]) -> None:
    body = document["paths"][LOGIN]["post"]["requestBody"]["content"]["application/json"]
    name = body["schema"]["$ref"].rpartition("/")[2]
    document["components"]["schemas"][name]["required"].append("code")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_path, f"GET {LIST}: is gone"),
        (_without_parameter, f"GET {LIST}: no longer takes query pipeline"),
        (_without_severity, f"GET {LIST}: no longer takes query severity="),
        (_with_needed_parameter, f"GET {LIST}: needs query pipeline now"),
        (_without_field_of_reply, f"GET {LIST}: no longer gives application/json/next"),
        (_with_needed_field, f"POST {LOGIN}: needs application/json/code now"),
    ],
)
def test_finds_a_breaking_change(change: Any, message: str) -> None:
    document = openapi()
    changed = deepcopy(document)
    change(changed)

    found = broken(contract_of(document), contract_of(changed))

    assert any(one.startswith(message) for one in found), found


def test_what_is_added_breaks_nothing() -> None:
    document = openapi()
    grown = deepcopy(document)
    grown["paths"]["/api/v1/new"] = grown["paths"][LIST]
    grown["components"]["schemas"]["Anomalies"]["properties"]["total"] = {"type": "integer"}

    assert broken(contract_of(document), contract_of(grown)) == []
