"""Datasets over the API: stored by name, sampled, mappings suggested."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from engine.domain.control.role import Role
from tests.unit.presentation.api.conftest import Ask

EVENT = {"key": "sensor", "time": {"path": "ts", "unit": "ms"}, "values": ["temperature"]}
TIME = 1_767_225_600_000


@pytest.fixture
def source(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "readings.ndjson"
    lines = [
        json.dumps(
            {
                "sensor": f"pump-{n % 3}",
                "ts": TIME + n * 1_000,
                "temperature": 20.5,
                "inner": {"pressure": n, "ok": True} if n % 2 else {},
                "tags": ["a"],
            }
        )
        for n in range(10)
    ]
    file.write_text("\n".join([*lines, "no json"]) + "\n")
    return {"file": {"path": str(file)}}


def test_a_dataset_is_stored_changed_and_removed(ask: Ask, source: dict[str, Any]) -> None:
    body = {"source": source, "event": EVENT}
    made = ask("put", "/datasets/plant", Role.EDITOR, json=body)
    blind = ask("put", "/datasets/plant", json=body)
    changed = {**body, "event": {**EVENT, "values": ["ts"]}}
    after = ask("put", "/datasets/plant", json=changed, headers={"If-Match": made.headers["ETag"]})
    stale = ask("delete", "/datasets/plant", headers={"If-Match": made.headers["ETag"]})
    [listed] = ask("get", "/datasets", Role.VIEWER).json()["items"]
    gone = ask("delete", "/datasets/plant", headers={"If-Match": after.headers["ETag"]})

    assert [one.status_code for one in (made, blind, after, stale, gone)] == [
        201,
        428,
        200,
        412,
        204,
    ]
    assert (listed["name"], listed["author"], listed["revision"]) == ("plant", "the-admin", 2)
    assert listed["event"]["values"] == ["ts"]
    assert ask("get", "/datasets/plant").status_code == 404
    assert ask("get", "/audit?limit=1").json()["items"][0]["action"] == "dataset.remove"


def test_a_dataset_that_cannot_be_used_is_reported(ask: Ask, source: dict[str, Any]) -> None:
    event = {**EVENT, "time": {"path": "ts", "unit": "weeks"}}

    found = ask("put", "/datasets/plant", json={"source": source, "event": event})

    assert found.status_code == 422
    assert [one["pointer"] for one in found.json()["errors"]] == ["/event/time/unit"]


@pytest.mark.parametrize("body", ['"\\ud800"', str(2**70), "[" * 300 + "]" * 300])
def test_what_cannot_be_stored_is_reported(ask: Ask, body: str) -> None:
    text = f'{{"source": {{"file": {{"path": {body}}}}}, "event": {{}}}}'
    headers = {"Content-Type": "application/json"}

    found = ask("put", "/datasets/plant", content=text, headers=headers)

    assert found.status_code == 422
    assert [one["pointer"] for one in found.json()["errors"]] == ["/body/source"]


def test_a_sample_has_events_and_rejects(ask: Ask, source: dict[str, Any]) -> None:
    ask("put", "/datasets/plant", json={"source": source, "event": EVENT})

    found = ask("get", "/datasets/plant/sample?messages=11", Role.EDITOR).json()

    assert (found["messages"], len(found["events"])) == (11, 10)
    assert found["events"][1] == {
        "entity": "pump-1",
        "time": "2026-01-01T00:00:01Z",
        "values": {"temperature": 20.5},
    }
    assert [one["reason"] for one in found["rejects"]] == ["not_json"]


def test_a_mapping_is_suggested_and_tried(ask: Ask, source: dict[str, Any]) -> None:
    found = ask("post", "/datasets/suggest", Role.EDITOR, json={"source": source}).json()

    assert found["event"] == {
        "key": "sensor",
        "time": {"path": "ts", "unit": "ms"},
        "values": {
            "temperature": {"path": "temperature"},
            "inner.pressure": {"path": "inner.pressure", "optional": True},
        },
    }
    assert len(found["sample"]["events"]) == 10
    assert found["sample"]["events"][0]["values"] == {"temperature": 20.5, "inner.pressure": None}


def test_messages_without_a_time_have_no_mapping(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "untimed.ndjson"
    file.write_text('{"a": 1}\n{"a": 2}\n')

    found = ask("post", "/datasets/suggest", json={"source": {"file": {"path": str(file)}}})

    assert found.status_code == 409
    assert "2 messages" in found.json()["detail"]


def test_a_source_that_cannot_be_read_is_a_conflict(ask: Ask) -> None:
    found = ask("post", "/datasets/suggest", json={"source": {"file": {"path": "gone.ndjson"}}})

    assert found.status_code == 409
    assert "gone.ndjson" in found.json()["detail"]


def test_what_a_sample_rejects_is_not_quoted_in_the_log(
    ask: Ask, source: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    ask("put", "/datasets/plant", json={"source": source, "event": {**EVENT, "values": ["tags"]}})

    with caplog.at_level(logging.DEBUG):
        found = ask("get", "/datasets/plant/sample").json()

    assert found["rejects"]
    assert "rejected" not in caplog.text
