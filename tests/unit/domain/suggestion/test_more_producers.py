"""Messages of home, office and factory products: what is beside the readings, and is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.suggestion.suggesting import notes, suggested

TS = 1_767_225_600
ISO = "2026-01-01T00:{:02}:{:02}"
COUNT = 40


def noise(n: int) -> float:
    return 20 + n * 7 % 5 / 10


def airthings(n: int) -> dict[str, Any]:
    sensors = [
        {"sensorType": "radonShortTermAvg", "value": 40 + noise(n), "unit": "bq"},
        {"sensorType": "temp", "value": noise(n), "unit": "c"},
    ]
    return {
        "serialNumber": f"29300{n % 3}",
        "recorded": ISO.format(n // 60, n % 60),
        "sensors": sensors,
        "batteryPercentage": 90,
    }


def octoprint(n: int) -> dict[str, Any]:
    tool = {"actual": 200 + noise(n), "target": 210.0}
    return {"_timestamp": TS + n, "path": "", "temperature": {"tool0": tool}}


def datadog_view(n: int) -> dict[str, Any]:
    view = {"id": f"v{n}", "loading_time": 900_000_000 + n * 7_919 % 10_007, "error": {"count": 0}}
    return {"type": "view", "date": (TS + n) * 1000, "service": f"shop{n % 2}", "view": view}


def connect(n: int) -> dict[str, Any]:
    fields = [{"type": "int32", "field": "id", "version": 1}, {"type": "double", "field": "temp"}]
    payload = {"machine_id": n % 3, "temp": noise(n), "at": (TS + n) * 1000}
    return {"schema": {"type": "struct", "fields": fields}, "payload": payload}


def sap(n: int) -> dict[str, Any]:
    return {
        "MeasuringPoint": f"{12 + n % 3}",
        "MsmtRdngDate": f"/Date({(TS + n) * 1000})/",
        "MeasurementReading": f"{noise(n):.3f}",
    }


def sflow(n: int) -> dict[str, Any]:
    """A metric of sFlow-RT: each agent has the same data sources."""
    at = {"agent": f"10.0.0.{n % 3}", "dataSource": f"{n // 3 % 4}", "timestamp": TS + n}
    return {**at, "metricName": "ifinutilization", "metricValue": noise(n)}


def switch(n: int) -> dict[str, Any]:
    return {
        "host": f"sw{n % 3}",
        "interface": {"name": f"P{n // 3 % 4}"},
        "ts": TS + n,
        "octets": n * 997,
        "errors": n * 7 % 5,
    }


def camera(n: int) -> dict[str, Any]:
    return {"id": f"e{n // 5}", "camera": f"c{n % 2}", "ts": TS + n, "score": noise(n) / 100}


def charging(n: int) -> dict[str, Any]:
    return {"EvseID": f"DE*{n % 3}", "SessionID": f"s{n // 5}", "ts": TS + n, "energy": noise(n)}


def confluent_audit(n: int) -> dict[str, Any]:
    data = {"resourceName": f"t{n % 3}", "latency_ms": noise(n)}
    return {"specversion": "1.0", "id": f"i{n}", "time": ISO.format(n // 60, n % 60), "data": data}


def test_dates_of_dot_net_are_the_time() -> None:
    event = suggested([sap(n) for n in range(COUNT)])

    assert event["time"] == {"path": "MsmtRdngDate", "unit": "ms"}


@pytest.mark.parametrize(
    ("message", "key", "missing"),
    [(sflow, "agent", "dataSource"), (switch, "host", "interface.name")],
)
def test_what_each_entity_has_several_of_is_noted(message: Any, key: str, missing: str) -> None:
    documents = [message(n) for n in range(3 * COUNT)]

    assert suggested(documents)["key"] == key
    assert f"an entity has several of {missing}" in notes(documents)


@pytest.mark.parametrize(("message", "key"), [(camera, "camera"), (charging, "EvseID")])
def test_what_lasts_is_the_key_before_what_it_does_for_a_while(message: Any, key: str) -> None:
    assert suggested([message(n) for n in range(COUNT)])["key"] == key


def test_sessions_are_not_noted_as_a_part_of_the_key() -> None:
    assert "SessionID" not in notes([charging(n) for n in range(3 * COUNT)])


def test_the_version_of_cloudevents_is_not_a_value() -> None:
    assert list(suggested([confluent_audit(n) for n in range(COUNT)])["values"]) == [
        "data.latency_ms"
    ]


def test_readings_in_an_array_come_before_a_number_that_does_not_change() -> None:
    event = suggested([airthings(n) for n in range(COUNT)])

    assert (event["explode"], [*event["values"]]) == ("sensors", ["value"])
    assert event["key"] == ["serialNumber", "sensors.sensorType"]


def test_an_empty_text_is_not_the_key() -> None:
    assert suggested([octoprint(n) for n in range(COUNT)])["key"] == {"const": "all"}


def test_how_long_a_page_took_is_a_value_also_in_nanoseconds() -> None:
    event = suggested([datadog_view(n) for n in range(COUNT)])

    assert "view.loading_time" in [spec["path"] for spec in event["values"].values()]
    assert event["time"] == {"path": "date", "unit": "ms"}


def test_the_schema_of_kafka_connect_is_no_array_of_events() -> None:
    assert "schema.fields" not in notes([connect(n) for n in range(COUNT)])
