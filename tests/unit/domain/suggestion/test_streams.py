"""Rows of databases, access logs, trades and uplinks, as their producers write them to Kafka."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.suggestion.suggesting import suggested

TS = 1_767_225_600
CLOCK = "01/Jan/2026:00:{:02}:{:02}.{:03}"
ISO = "2026-01-01T00:{:02}:{:02}Z"


def wal2json(n: int) -> dict[str, Any]:
    """A row of PostgreSQL, in the second format of the plug-in."""
    columns = [
        {"name": "id", "type": "bigint", "value": n},
        {"name": "sensor", "type": "text", "value": f"s{n % 4}"},
        {"name": "temperature", "type": "double precision", "value": 20 + n * 7 % 5 / 10},
        {"name": "taken_at", "type": "timestamp with time zone", "value": ISO.format(0, n)},
    ]
    return {"action": "I", "schema": "public", "table": "readings", "columns": columns}


def haproxy(n: int) -> dict[str, Any]:
    return {
        "time_local": CLOCK.format(0, n, n),
        "backend_name": f"b{n % 2}",
        "time_response": 20 + n * 7 % 9,
        "status_code": 200,
    }


def binance(n: int) -> dict[str, Any]:
    """A trade, with its number."""
    data = {"s": f"S{n % 2}", "t": 345_000 + n, "p": f"{43000 + n * 7 % 9}.5", "T": TS * 1000 + n}
    return {"stream": f"s{n % 2}@trade", "data": data}


def akamai(n: int) -> dict[str, Any]:
    times = {"reqTimeSec": f"{TS + n}.5", "turnAroundTimeMSec": str(n * 7 % 9)}
    return {"reqHost": f"h{n % 2}", **times, "statusCode": "200", "cacheStatus": "1"}


def freeswitch(n: int) -> dict[str, Any]:
    variables = {"start_epoch": str(TS + n), "billsec": str(30 + n * 7 % 9), "ipsec": "1"}
    return {"switchname": f"pbx-{n % 2}", "variables": variables}


def fastly(n: int) -> dict[str, Any]:
    answer = {"response_status": (200, 404)[n % 2], "time_elapsed": 200 + n * 7 % 9}
    return {"timestamp": ISO.format(0, n), "host": f"w{n % 2}", **answer}


def gtfs(n: int) -> dict[str, Any]:
    bus = {"stopSequence": n % 3, "speed": 9.5 + n * 7 % 5, "timestamp": str(TS + n)}
    return {"entity": [{"id": f"b{i}", "vehicle": bus} for i in range(3)]}


def nginx(n: int) -> dict[str, Any]:
    """Fields of Elastic's schema: durations are texts, and missing where nothing was asked."""
    asked = "-" if n % 2 else f"0.{n * 5 % 7 + 1}"
    took = {"request_time": f"0.{n * 7 % 9 + 1}", "upstream_response_time": asked}
    return {"@timestamp": ISO.format(0, n), "host": f"w{n % 2}", **took}


def spark(n: int) -> dict[str, Any]:
    info = {"Task ID": n, "Launch Time": (TS + n) * 1000, "Finish Time": (TS + n) * 1000 + 9}
    metrics = {"Executor Run Time": 400 + n * 7 % 9, "JVM GC Time": n * 5 % 7}
    return {"Stage ID": n // 10, "Task Info": {**info, "Host": f"w{n % 3}"}, "Metrics": metrics}


def ups(n: int) -> dict[str, Any]:
    """What upsc of Network UPS Tools prints, as JSON: all are texts."""
    numbers = {"battery.charge": str(100 - n % 3), "battery.runtime": str(1800 + n * 7 % 9)}
    return {"device": f"ups{n % 2}", "time": ISO.format(0, n), **numbers, "ups.status": "OL"}


def relative(n: int) -> dict[str, Any]:
    """Seconds since the start are no value."""
    return {"ts": TS + n, "host": f"h{n % 2}", "run_time": n * 1.5, "load": n * 7 % 9}


@pytest.mark.parametrize(
    ("message", "key", "time", "values"),
    [
        (wal2json, "columns[name=sensor].value", "columns[name=taken_at].value", ["temperature"]),
        (haproxy, "backend_name", "time_local", ["time_response"]),
        (binance, "stream", "data.T", ["p"]),
        (akamai, "reqHost", "reqTimeSec", ["turnAroundTimeMSec"]),
        (freeswitch, "switchname", "variables.start_epoch", ["billsec"]),
        (fastly, "host", "timestamp", ["time_elapsed"]),
        (nginx, "host", "@timestamp", ["request_time", "upstream_response_time"]),
        (
            spark,
            "Task Info.Host",
            "Task Info.Launch Time",
            ["Executor Run Time", "JVM GC Time"],
        ),
        (ups, "device", "time", ["charge", "runtime"]),
        (relative, "host", "ts", ["load"]),
        (gtfs, "entity.id", "entity.vehicle.timestamp", ["speed"]),
    ],
)
def test_key_time_and_values_are_those_of_the_producer(
    message: Any, key: str, time: str, values: list[str]
) -> None:
    event = suggested([message(n) for n in range(30)])

    found = [name.rpartition(".")[2] for name in event["values"]]
    assert (event["key"], event["time"]["path"], found) == (key, time, values)


def test_a_counter_of_messages_is_a_value_where_nothing_else_is() -> None:
    event = suggested([{"ts": TS + n, "host": f"h{n % 2}", "made": n} for n in range(30)])

    assert list(event["values"]) == ["made"]


def milesight(n: int) -> dict[str, Any]:
    """An uplink; one of the devices joins now and then."""
    if n % 7 == 0:
        return {"deviceName": "d1", "type": "join", "time": ISO.format(0, n)}
    reading = {"temperature": 24 + n * 7 % 5 / 10}
    return {"deviceName": f"d{n % 3}", "fPort": 85, "time": ISO.format(0, n), "object": reading}


def test_all_readings_are_read_of_a_device_that_also_sends_something_else() -> None:
    event = suggested([milesight(n) for n in range(40)])

    assert event["where"] == {"path": "fPort", "exists": True}
    assert (event["key"], list(event["values"])) == ("deviceName", ["object.temperature"])


def test_kinds_by_a_field_that_the_others_lack_are_read_whatever_it_holds() -> None:
    kinds: list[dict[str, Any]] = [
        {"rms": 0.5, "axis": "X"},
        {"text": "hot"},
        {"open": True},
    ]
    documents = [{"id": f"m{n % 3}", "ts": TS + n, **kind} for n in range(20) for kind in kinds]

    assert suggested(documents)["where"] == {"path": "axis", "exists": True}
