"""Messages of home, office and factory products: what is beside the readings, and is none."""

from __future__ import annotations

from typing import Any

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
