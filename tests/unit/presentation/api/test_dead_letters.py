"""Dead letters over the API: by reason, masked, tried with another file, not sent from files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.domain.control.role import Role
from tests.support.dead_letters import write_letters
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick/dead-letters"
COMMA = "values: {temperature: {path: temperature, as: number, decimal: ','}}"


@pytest.fixture
def text(tmp_path: Path) -> str:
    """Return the text of the pipeline file, whose dead letters lie in a file."""
    file, letters = tmp_path / "quick.yaml", tmp_path / "letters.ndjson"
    sinks = f"sinks: {{dead_letters: {{file: {{path: {letters}}}}}, "
    found = file.read_text().replace("sinks: {", sinks)
    file.write_text(found)
    wrong = "temperature is '2,5', expected a number: set as: number and decimal"
    write_letters(
        letters,
        [
            ("wrong_type", wrong, '{"sensor": "Ada", "ts": 1, "temperature": "2,5"}'),
            ("wrong_type", wrong.replace("2", "3"), '{"sensor": "b", "ts": 1, "temperature": "3"}'),
            ("not_json", "unexpected end of data", "no json"),
        ],
    )
    return found.replace("values: [temperature, vibration]", COMMA)


def test_dead_letters_are_listed_by_reason_and_masked(ask: Ask, text: str) -> None:
    found = ask("get", PATH, Role.VIEWER)

    wrong, bad = found.json()["items"]
    assert (wrong["reason"], wrong["count"], bad["reason"]) == ("wrong_type", 2, "not_json")
    assert [one["count"] for one in wrong["details"]] == [2]
    assert [one["message"] for one in wrong["samples"]] == [
        '{"sensor":"xxx","ts":0,"temperature":"0,0"}'
    ]
    assert wrong["samples"][0]["place"] == "readings[0]@0"
    assert "2,5" not in found.text
    assert "Ada" not in found.text
    assert found.json()["complete"] is True


def test_another_file_is_tried_on_them(ask: Ask, text: str) -> None:
    same = ask("post", f"{PATH}/try", Role.EDITOR, json={}).json()
    other = ask("post", f"{PATH}/try", Role.EDITOR, json={"text": text}).json()
    wrong = ask("post", f"{PATH}/try", Role.EDITOR, json={"text": "name: ["})

    assert (same["accepted"], other["accepted"], other["passed_over"]) == (0, 2, 0)
    assert [(one["reason"], one["count"]) for one in other["refused"]] == [("not_json", 1)]
    assert wrong.status_code == 422


def test_what_is_tried_is_not_quoted_in_the_log(
    ask: Ask, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        found = ask("post", f"{PATH}/try", Role.EDITOR, json={})

    assert sum(one["count"] for one in found.json()["refused"]) == 3
    assert "2,5" not in caplog.text


def test_dead_letters_of_a_file_are_not_sent_back(ask: Ask, text: str) -> None:
    found = ask("post", f"{PATH}/redrive", Role.OPERATOR)

    assert found.status_code == 409
    assert "in Kafka" in found.json()["detail"]
    assert ask("get", "/audit?limit=1").json()["items"][0]["action"] == "dead_letters.redrive"


def test_a_pipeline_without_rejects_has_no_dead_letters(ask: Ask) -> None:
    found = ask("get", PATH)

    assert found.json()["items"] == []


def test_dead_letters_that_cannot_be_read_back_are_a_conflict(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "quick.yaml"
    sinks = "sinks: {dead_letters: {stdout: {}}, "
    file.write_text(file.read_text().replace("sinks: {", sinks))

    found = ask("get", PATH)

    assert found.status_code == 409
    assert "cannot be read back" in found.json()["detail"]
