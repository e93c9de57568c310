"""The Alertmanager sink against a real Alertmanager, and its notifications."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.alertmanager.sent import SentIncidents
from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.sink import AlertmanagerSink, IncidentPart
from connectors.alertmanager.waiting import WaitingIncidents
from engine.domain.alert_policy import Severity
from engine.domain.anomaly import Anomaly, DetectorPart, Origin, ValuePart
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.incident import Change, IncidentEvent, Peak
from engine.domain.record import Record
from operators.publish import anomaly_record
from operators.publish_incidents import incident_record
from pynomaly.plugins import RunContext
from tests.support.alertmanager_server import Notified, active_alerts, running_alertmanager
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

HOUR_NS = 3_600 * 1_000_000_000


def anomaly(number: int, entity: str = "press-7", ago: int = 0, **changes: Any) -> Record:
    begins = time.time_ns() - ago
    plain = anomaly_of(number, entity, begins)
    return anomaly_record(replace(plain, **changes))


def anomaly_of(number: int, entity: str, begins: int) -> Anomaly:
    return Anomaly(
        id=f"{number:032x}",
        entity=entity,
        time=begins,
        timestamp=begins,
        score=0.9,
        p_value=1e-9,
        threshold=1e-5,
        kind="spike",
        summary="temp 99.5 is 75 above the 20 to 24.5 expected now",
        severity=Severity.CRITICAL,
        incident=f"{number:032x}",
        late=False,
        values=(ValuePart("temp", 99.5, 1.0, 20.0, 24.5),),
        detectors=(DetectorPart("auto", 3.0, 1e-9, None),),
        origin=Origin("events", 0, number),
        pipeline="plant",
        pipeline_version="0" * 12,
    )


def deliver(
    url: str,
    *records: Record,
    resolve_after: float = 300.0,
    role: str = "anomalies",
    **more: Any,
) -> RunContext:
    settings = AlertmanagerSettings(url=url, resolve_after=timedelta(seconds=resolve_after), **more)
    context = RunContext("plant")
    part = AlertmanagerSink(settings, context, role).sink().build_part("s", "0", [])
    part.write_batch([[*records]])
    part.snapshot()
    part.close()
    return context


def test_an_anomaly_fires_an_alert_for_its_entity(alertmanager: str) -> None:
    deliver(alertmanager, anomaly(1), anomaly(2), labels={"team": "press-shop"})

    [alert] = active_alerts(alertmanager)

    assert alert["labels"] == {
        "alertname": "PynomalyAnomaly",
        "pipeline": "plant",
        "entity": "press-7",
        "severity": "critical",
        "kind": "spike",
        "team": "press-shop",
    }
    assert alert["annotations"]["description"] == "temp is 99.5, expected 20 to 24.5"


def test_an_absence_is_described_by_its_sentence(alertmanager: str) -> None:
    sentence = "20 entities have stopped sending, for 4 min: s17, s3, s8 and 17 more"
    silent = (ValuePart("temp", None, 1.0, None, None),)
    deliver(alertmanager, anomaly(1, kind="absence", summary=sentence, values=silent))

    [alert] = active_alerts(alertmanager)

    assert alert["annotations"]["description"] == sentence


def test_an_alert_resolves_when_no_anomaly_follows(alertmanager: str, notified: Notified) -> None:
    deliver(alertmanager, anomaly(1), resolve_after=3.0)

    wait_for(lambda: len(notified.alerts) >= 2, "people are notified twice")

    assert [alert["status"] for alert in notified.alerts] == ["firing", "resolved"]
    assert active_alerts(alertmanager) == []


@pytest.mark.parametrize("role", ["anomalies", "incidents"])
def test_an_alert_begins_when_it_fires_so_that_others_of_its_group_are_waited_for(
    alertmanager: str, role: str
) -> None:
    before = datetime.now(UTC)
    of = {
        "anomalies": anomaly(1, ago=HOUR_NS // 2),
        "incidents": incident(Change.OPEN, ago=HOUR_NS),
    }

    deliver(alertmanager, of[role], role=role)

    [alert] = active_alerts(alertmanager)
    assert datetime.fromisoformat(alert["startsAt"]) >= before


def test_anomalies_of_yesterday_page_nobody(alertmanager: str, notified: Notified) -> None:
    deliver(alertmanager, anomaly(1, "old", ago=24 * HOUR_NS), anomaly(2, "new"))

    wait_for(lambda: notified.alerts, "people are notified of the new one")

    assert {alert["labels"]["entity"] for alert in notified.alerts} == {"new"}


def test_entities_of_any_name_are_alerts_of_their_own(alertmanager: str) -> None:
    names = ["Ünïcödé", 'quo"te', "new\nline", "x" * 5_000, "nul\0"]

    context = deliver(alertmanager, *(anomaly(n, name) for n, name in enumerate(names)))

    assert {alert["labels"]["entity"] for alert in active_alerts(alertmanager)} == set(names)
    assert context.telemetry.delivered.labels("anomalies")._value.get() == len(names)


def test_a_check_distinguishes_an_alertmanager_from_others(
    alertmanager: str, notified: Notified
) -> None:
    def check(url: str) -> None:
        settings = AlertmanagerSettings(url=url)
        AlertmanagerSink(settings, RunContext("plant"), "anomalies").check()

    check(alertmanager)
    check(f"{alertmanager}/")

    with pytest.raises(ConnectorError, match="no Alertmanager is at this url"):
        check(f"{alertmanager}/nothing-here")
    with pytest.raises(RetryableError, match="Is Alertmanager listening there"):
        check(f"http://{HOST}:{free_port()}")


def incident(change: Change, *, ago: int = 0, event_ago: int = 0, **changes: Any) -> Record:
    began = time.time_ns() - ago
    event = IncidentEvent(
        id=f"{7:032x}",
        change=change,
        number=0,
        entity="press-7",
        time=time.time_ns() - event_ago,
        began=began,
        last=began,
        severity=Severity.MAJOR,
        peak=Peak(f"{7:032x}", began, 0.9, 1e-9, Severity.MAJOR, "press-7 has stopped sending"),
        count=1,
        kinds=("absence",),
        values=(("temp", 1.0),),
        detectors=(("absence", 1.0),),
        first_origin=Origin("events", 0, 1),
        last_origin=Origin("events", 0, 1),
        story=None,
        pipeline="plant",
        pipeline_version="0" * 12,
    )
    return incident_record(replace(event, **changes))


def test_the_alert_of_an_incident_fires_until_the_incident_is_closed(
    alertmanager: str, notified: Notified
) -> None:
    deliver(alertmanager, incident(Change.OPEN), role="incidents", resolve_after=0.1)
    wait_for(lambda: notified.alerts, "people are notified")
    time.sleep(1)

    [firing] = active_alerts(alertmanager)
    deliver(alertmanager, incident(Change.CLOSE), role="incidents.alertmanager")
    wait_for(lambda: len(notified.alerts) >= 2, "people are notified of the end")

    assert firing["labels"] == {
        "alertname": "PynomalyIncident",
        "pipeline": "plant",
        "entity": "press-7",
        "incident": f"{7:032x}",
        "severity": "major",
    }
    assert firing["annotations"]["description"] == "press-7 has stopped sending"
    assert firing["annotations"]["kinds"] == "absence"
    assert [alert["status"] for alert in notified.alerts] == ["firing", "resolved"]
    assert active_alerts(alertmanager) == []


def test_an_incident_fires_with_its_present_severity_alone(alertmanager: str) -> None:
    deliver(alertmanager, incident(Change.OPEN), role="incidents")
    # As after a restart: the sink does not know what was sent before.
    risen = incident(Change.UPDATE, severity=Severity.CRITICAL, ago=5 * HOUR_NS)
    deliver(alertmanager, risen, role="incidents")

    [alert] = active_alerts(alertmanager)

    assert alert["labels"]["severity"] == "critical"


def test_an_incident_that_opens_and_closes_at_once_fires_no_more(alertmanager: str) -> None:
    deliver(alertmanager, incident(Change.OPEN), incident(Change.CLOSE), role="incidents")

    assert active_alerts(alertmanager) == []


def test_incidents_of_yesterday_page_nobody(alertmanager: str, notified: Notified) -> None:
    old = incident(Change.OPEN, event_ago=24 * HOUR_NS, entity="old")
    deliver(
        alertmanager, old, incident(Change.OPEN, entity="new", id=f"{8:032x}"), role="incidents"
    )

    wait_for(lambda: notified.alerts, "people are notified of the new one")

    assert {alert["labels"]["entity"] for alert in notified.alerts} == {"new"}


def test_an_alert_is_back_after_a_restart_of_alertmanager(
    tmp_path: Path, notified: Notified
) -> None:
    port, context = free_port(), RunContext("plant")
    settings = AlertmanagerSettings(url=f"http://{HOST}:{port}")
    sink = AlertmanagerSink(settings, context, "incidents")
    context.telemetry.event_time_lag.labels("0").set(1.0)
    sent = SentIncidents(context.telemetry.event_time_lags, every=0.0)
    part = IncidentPart(sink.queue(), WaitingIncidents(3_600.0, dict), sent)

    with running_alertmanager(tmp_path, notified.url, port=port) as url:
        part.write_batch([[incident(Change.OPEN), incident(Change.OPEN, id=f"{8:032x}")]])
        part.write_batch([[incident(Change.CLOSE, id=f"{8:032x}")]])
        part.snapshot()
        [before] = active_alerts(url)
    with running_alertmanager(tmp_path, notified.url, port=port) as url:
        part.snapshot()
        [after] = active_alerts(url)
        part.close()

    assert before["labels"] == after["labels"]
