"""Pipelines over the API: checked with line and pointer, stored in versions that stay."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.control.role import Role
from tests.unit.presentation.api.conftest import PIPELINE, Ask

PATH = "/pipelines/quick"
ANY = {"If-Match": "*"}
OTHER = PIPELINE.replace("temperature", "pressure")
BROKEN = PIPELINE.replace("unit: ms", "unit: fortnights").replace("[temperature", "[temp..x")


def put(ask: Ask, text: str, **headers: str) -> Any:
    return ask("put", PATH, Role.EDITOR, json={"text": text}, headers=headers)


def test_a_file_is_described_as_validate_does(ask: Ask) -> None:
    found = ask("post", "/pipelines/validate", Role.EDITOR, json={"text": PIPELINE})

    assert found.status_code == 200
    assert found.json()["name"] == "quick"
    assert found.json()["values"] == ["temperature", "vibration"]


def test_what_is_wrong_is_told_with_line_and_pointer(ask: Ask) -> None:
    found = ask("post", "/pipelines/validate", json={"text": BROKEN})

    assert found.status_code == 422
    errors = {one["pointer"]: one["line"] for one in found.json()["errors"]}
    assert errors["/event/time/unit"] == 4
    assert all(line > 0 for line in errors.values())


@pytest.mark.parametrize("text", ["", "name: [", "name: quick", "- a"])
def test_texts_that_are_no_pipeline_are_refused(ask: Ask, text: str) -> None:
    found = ask("post", "/pipelines/validate", json={"text": text})

    assert found.status_code == 422
    assert found.json()["errors"]


def test_variables_of_the_server_are_not_seen(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYNOMALY_DATABASE_PASSWORD", "of the database")
    text = PIPELINE.replace("readings.ndjson", "${PYNOMALY_DATABASE_PASSWORD}")

    found = ask("post", "/pipelines/validate", json={"text": text})

    assert found.status_code == 422
    assert "of the database" not in found.text


def test_each_text_is_a_version_that_stays(ask: Ask) -> None:
    first = put(ask, PIPELINE)
    second = put(ask, OTHER, **{"If-Match": first.headers["ETag"]})
    again = put(ask, OTHER, **ANY)

    versions = ask("get", f"{PATH}/versions").json()["items"]
    assert (first.status_code, second.status_code, again.status_code) == (201, 200, 200)
    assert [one["number"] for one in versions] == [2, 1]
    assert ask("get", f"{PATH}?number=1").json()["text"] == PIPELINE
    assert ask("get", "/pipelines").json()["items"] == versions[:1]
    diff = ask("get", f"{PATH}/diff?before=1").json()["diff"]
    assert "--- quick@1\n+++ quick@2\n" in diff
    assert "+event: {key: sensor, time: {path: ts, unit: ms}, values: [pressure" in diff


def test_a_change_needs_the_version_that_was_read(ask: Ask) -> None:
    put(ask, PIPELINE)

    without, stale = put(ask, OTHER), put(ask, OTHER, **{"If-Match": '"7"'})

    assert (without.status_code, stale.status_code) == (428, 412)
    assert ask("get", PATH).headers["ETag"] == '"1"'


def test_a_file_is_stored_only_under_its_name_and_if_it_fits(ask: Ask) -> None:
    other = put(ask, PIPELINE.replace("name: quick", "name: slow"))
    broken = put(ask, BROKEN)

    assert [one.status_code for one in (other, broken)] == [422, 422]
    assert other.json()["errors"][0]["pointer"] == "/name"
    assert ask("get", PATH).status_code == 404


def test_a_name_that_is_a_path_is_refused(ask: Ask) -> None:
    text = PIPELINE.replace("name: quick", "name: validate")

    found = ask("put", "/pipelines/validate", json={"text": text})

    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"] == "/name"


def test_goes_back_to_an_earlier_version_by_a_new_one(ask: Ask) -> None:
    put(ask, PIPELINE)
    put(ask, OTHER, **ANY)

    found = ask("post", f"{PATH}/rollback?number=1", headers={"If-Match": '"2"'})

    assert (found.json()["number"], found.json()["text"]) == (3, PIPELINE)
    [audited] = ask("get", "/audit?limit=1").json()["items"]
    assert (audited["action"], audited["after"]["version"]) == ("pipeline.put", 3)
    assert audited["reason"] == "back to version 1"


def test_a_return_to_an_earlier_version_keeps_its_reason(ask: Ask) -> None:
    put(ask, PIPELINE)
    put(ask, OTHER, **ANY)

    found = ask("post", f"{PATH}/rollback?number=1", json={"reason": "too loud"}, headers=ANY)

    assert found.json()["reason"] == "back to version 1: too loud"


@pytest.mark.parametrize("what", ["status", "log"])
def test_of_a_pipeline_that_was_never_started_nothing_is_shown(ask: Ask, what: str) -> None:
    put(ask, PIPELINE)

    found = ask("get", f"{PATH}/{what}")

    assert found.status_code == 404
    assert "was never started by this server" in found.json()["detail"]


def test_removes_a_pipeline(ask: Ask) -> None:
    put(ask, PIPELINE)

    removed = ask("delete", PATH, Role.EDITOR, headers=ANY)

    assert (removed.status_code, ask("get", PATH).status_code) == (204, 404)


def test_a_file_with_a_secret_in_it_is_refused_and_not_repeated(ask: Ask) -> None:
    hook = "{webhook: {url: 'http://localhost:1/', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La}}"

    found = put(ask, PIPELINE.replace("{stdout: {}}", hook))

    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"] == "/sinks/anomalies/webhook/secret"
    assert "MfKQ9r8G" not in found.text
