"""Live control over the API: what is written to the log of a pipeline, and what would match."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.application.control.ingest import ingest
from engine.application.control.local_runner import LocalRunner
from engine.application.control.memory_store import MemoryStore
from engine.application.control.pipeline_directory import PipelineDirectory, directory_of
from engine.application.live_control.log_file import ControlLog
from engine.application.telemetry.redaction import Redactor
from engine.domain.control.errors import NotFoundError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.role import Role
from engine.domain.errors import FatalError
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick/control"


def judged(number: int, **changed: Any) -> dict[str, Any]:
    """Return an anomaly of a value to blame."""
    parts = {"contribution": 1.0, "expected_low": 0.0, "expected_high": 1.0}
    values = [
        {"name": "vibration", "value": 0.5, **parts, "contribution": 0.1},
        {"name": "temperature", "value": 9.0, **parts},
    ]
    return anomaly(number, **{"values": values, **changed})


def log_of(folder: Path) -> ControlLog:
    log = ControlLog(folder / "state")
    log.read()
    return log


def test_a_silence_is_in_the_log_of_the_pipeline_and_in_the_audit(ask: Ask, tmp_path: Path) -> None:
    action = {"silence": {"entities": ["press-3/*"], "values": ["temperature"]}, "why": "gearbox"}

    made = ask("post", PATH, Role.OPERATOR, json=action)

    [record] = log_of(tmp_path).records
    assert made.status_code == 201
    assert (record.id, record.who, record.why) == ("silence-1", "the-operator", "gearbox")
    assert record.silence is not None
    assert record.silence.begin is not None
    assert (record.silence.entities, record.silence.values) == (("press-3/*",), ("temperature",))
    [audited] = ask("get", "/audit?limit=1").json()["items"]
    assert (audited["action"], audited["subject"]) == ("control.silence", "quick/silence-1")
    assert audited["reason"] == "gearbox"


def test_a_control_record_names_the_request_and_trace_that_wrote_it(
    ask: Ask, tmp_path: Path
) -> None:
    sent = {"X-Request-ID": "r-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    made = ask("post", PATH, json={"pause": {"entities": "pump-*"}}, headers=sent)

    [record] = log_of(tmp_path).records
    assert made.json()["request"] == "r-1"
    assert (record.request, record.trace) == ("r-1", "a" * 32)


def test_what_is_in_force_is_listed_until_it_is_revoked(ask: Ask) -> None:
    ask("post", PATH, json={"pause": {"entities": "pump-*"}})
    ask("post", PATH, json={"reset": {"entities": ["pump-1"]}})

    before = ask("get", PATH).json()["items"]
    revoked = ask("delete", f"{PATH}/pause-1?why=done")
    again = ask("delete", f"{PATH}/pause-1")
    after = ask("get", PATH).json()["items"]
    past = ask("get", f"{PATH}?past=true").json()["items"]

    assert [one["id"] for one in before] == ["pause-1"]
    assert (revoked.status_code, again.status_code, after) == (200, 404, [])
    assert [one["id"] for one in past] == ["pause-1", "reset-2", "revoke-3"]


def test_a_period_is_forgotten(ask: Ask, tmp_path: Path) -> None:
    period = {"from": "2026-03-01T08:00:00Z", "until": "2026-03-01T12:00:00Z"}

    made = ask("post", PATH, json={"forget": {"entities": ["pump-1"], **period}})
    turned = {"from": period["until"], "until": period["from"]}
    refused = ask("post", PATH, json={"forget": {"entities": ["pump-1"], **turned}})

    [record] = log_of(tmp_path).records
    assert (made.status_code, refused.status_code) == (201, 422)
    assert (record.id, record.entities) == ("forget-1", ("pump-1",))


def test_a_silence_that_is_sent_again_is_written_once(ask: Ask, tmp_path: Path) -> None:
    given = {"json": {"silence": {}}, "headers": {"Idempotency-Key": "k"}}

    first, again = ask("post", PATH, **given), ask("post", PATH, **given)

    assert first.content == again.content
    assert log_of(tmp_path).count == 1


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/body"),
        ({"silence": {}, "pause": {}}, 422, "/body"),
        ({"silence": {"from": "today"}}, 422, "/body/silence/from"),
        (
            {"silence": {"from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}},
            422,
            "/body/silence/until",
        ),
        ({"silence": {"entity": "a"}}, 422, "/body/silence/entity"),
        ({"silence": {"values": ["temprature"]}}, 409, None),
    ],
)
def test_what_does_not_fit_is_told_by_its_field(
    ask: Ask, tmp_path: Path, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    found = ask("post", PATH, json=body)

    assert found.status_code == status
    errors = found.json().get("errors")
    assert (errors[0]["pointer"] if errors else None) == pointer
    assert log_of(tmp_path).records == []


def test_a_rule_takes_an_editor_and_so_does_its_end(ask: Ask) -> None:
    rule = {"json": {"rule": {"values": ["temperature"], "direction": "above"}}}

    refused = ask("post", PATH, Role.OPERATOR, **rule)
    made = ask("post", PATH, Role.EDITOR, **rule)
    kept = ask("delete", f"{PATH}/rule-1", Role.OPERATOR)

    assert (refused.status_code, made.status_code, kept.status_code) == (403, 201, 403)


def test_a_preview_counts_the_last_anomalies_that_a_silence_fits(
    ask: Ask, store: MemoryStore
) -> None:
    with store.writing() as work:
        ingest(work, [judged(n, entity=f"press-{n % 3}") for n in range(10, 40)])

    entities = ask("post", f"{PATH}/preview", json={"entities": ["press-1"]}).json()
    values = ask("post", f"{PATH}/preview?last=10", json={"values": ["vibration"]}).json()

    assert (entities["muted"], entities["last"]) == (10, 30)
    assert entities["anomalies"][0] == f"{37:032x}"
    assert values == {"muted": 0, "last": 10, "anomalies": []}


def test_a_preview_refuses_a_value_that_the_pipeline_does_not_have(ask: Ask) -> None:
    found = ask("post", f"{PATH}/preview", json={"values": ["humidity"]})

    assert found.status_code == 409
    assert 'there is no value "humidity"' in found.json()["detail"]


def test_a_preview_looks_at_the_hours_of_the_week(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [judged(n) for n in range(10, 20)])

    # They are of Monday, 30 November 2026.
    for day, muted in (("mon", 10), ("tue", 0)):
        schedule = {"weekly": {"days": [day]}, "until": "2020-01-01T00:00:00Z"}
        found = ask("post", f"{PATH}/preview?last=10", json=schedule).json()
        assert found["muted"] == muted


def test_feedback_on_a_false_alarm_is_previewed_and_written(
    ask: Ask, store: MemoryStore, tmp_path: Path
) -> None:
    with store.writing() as work:
        ingest(work, [judged(n, p_value=1e-9 if n < 15 else 1e-5) for n in range(10, 20)])
    body = {"anomaly": f"{19:032x}", "verdict": "false_alarm", "why": "probe"}

    preview = ask("post", "/pipelines/quick/feedback/preview", json=body).json()
    made = ask("post", "/pipelines/quick/feedback", Role.OPERATOR, json=body)

    assert (preview["muted"], preview["last"]) == (5, 10)
    assert made.status_code == 201
    [record] = log_of(tmp_path).records
    assert record.feedback is not None
    assert (record.feedback.anomaly, record.who) == (f"{19:032x}", "the-operator")


def test_feedback_on_what_is_not_stored_is_refused(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [judged(9, pipeline="other")])

    for own in ("unknown", f"{9:032x}"):
        body = {"anomaly": own, "verdict": "true_alarm"}
        found = ask("post", "/pipelines/quick/feedback", json=body)
        assert found.status_code == 404


@pytest.mark.parametrize("changed", [{"values": []}, {"suppressed_by": "silence-1"}])
def test_what_did_not_alert_by_a_value_cannot_be_judged(
    ask: Ask, store: MemoryStore, changed: dict[str, Any]
) -> None:
    with store.writing() as work:
        ingest(work, [judged(10, **changed), judged(11)])

    found = ask(
        "post",
        "/pipelines/quick/feedback",
        json={"anomaly": f"{10:032x}", "verdict": "false_alarm"},
    )

    assert found.status_code == 409
    assert "cannot be judged: feedback is about the values" in found.json()["detail"]


def test_a_pipeline_that_the_server_does_not_know_is_told_with_those_it_knows(ask: Ask) -> None:
    found = ask("get", "/pipelines/quik/control")

    assert found.status_code == 404
    assert 'it follows quick. Did you mean "quick"?' in found.json()["detail"]


def test_a_server_that_follows_none_reports_how_to_follow_a_pipeline() -> None:
    with pytest.raises(NotFoundError, match=r'runs a pipeline called "demo".*--follow PIPELINE'):
        PipelineDirectory().open("demo")


def test_the_file_of_a_run_counts_until_it_is_over(
    pipelines: PipelineDirectory, tmp_path: Path
) -> None:
    runner = LocalRunner(tmp_path, (sys.executable, "-c", "import time; time.sleep(60)"))
    followed = (tmp_path / "quick.yaml").read_text()
    version = PipelineVersion("quick", 2, followed.replace("vibration", "pressure"), "ada", 5)
    directory = pipelines.beside(runner)

    process = runner.start(version).process
    values = [list(directory.open("quick").event.mapping().value_names)]
    os.kill(process, signal.SIGKILL)
    while not (run := runner.get("quick")) or not run.is_over:
        time.sleep(0.05)
    values.append(list(directory.open("quick").event.mapping().value_names))

    assert ["pressure" in names for names in values] == [True, False]


def test_a_file_that_has_become_invalid_is_told(
    ask: Ask, pipelines: PipelineDirectory, tmp_path: Path
) -> None:
    (tmp_path / "quick.yaml").write_text("name: [")

    found = ask("get", PATH)

    assert found.status_code == 409
    assert "cannot be used" in found.json()["detail"]


def test_two_files_of_one_name_are_refused(pipelines: PipelineDirectory, tmp_path: Path) -> None:
    file = pipelines.open("quick")

    with pytest.raises(FatalError, match="both named quick"):
        directory_of([(file, tmp_path / "a"), (file, tmp_path / "b")], Redactor())
