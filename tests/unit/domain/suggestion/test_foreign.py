"""Messages of producers that have no recipe, as their documentation shows them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.suggestion.suggesting import suggested

TS = 1_764_500_000
ISO = "2025-11-30T10:{:02}:{:02}.000+00:00"


def thingspeak(n: int) -> dict[str, Any]:
    """A channel whose entries are numbered: the number grows with the time."""
    feeds = [
        {"created_at": ISO.format(n // 3, i), "entry_id": n // 3 * 3 + i, "field1": f"{n % 7}.5"}
        for i in range(3)
    ]
    return {"channel": {"id": 9 + n % 3, "name": f"Station {n % 3}"}, "feeds": feeds}


def tibber(n: int) -> dict[str, Any]:
    live = {"timestamp": ISO.format(n, 0), "power": 500 + n, "currency": "NOK"}
    return {"data": {"liveMeasurement": live}}


def solaredge(n: int) -> dict[str, Any]:
    values = [{"date": f"2025-11-{n + 1:02} 10:{i:02}:00", "value": 300 + i} for i in range(9)]
    return {"energy": {"unit": "Wh", "values": values}}


def weatherlink(n: int) -> dict[str, Any]:
    """A station with sensors, each with a code of its kind and readings."""
    data = [{"ts": TS + n * 60, "temp": 60.5 + n}]
    sensors = [{"lsid": lsid, "sensor_type": lsid % 7, "data": data} for lsid in (200, 300)]
    return {"station_id": 100, "sensors": sensors, "generated_at": TS + n * 60 + 5}


def traccar(n: int) -> dict[str, Any]:
    """A position, with the time at which the server had it before that of the device."""
    times = {"serverTime": ISO.format(n, 9), "deviceTime": ISO.format(n, 2)}
    return {"position": {"deviceId": n % 3, **times, "speed": 20.5 + n}}


def ntopng(n: int) -> dict[str, Any]:
    ports = {"L4_SRC_PORT": 1024 + n, "PROTOCOL": 6 + n % 2}
    return {
        "IPV4_SRC_ADDR": f"10.0.0.{n % 3}",
        **ports,
        "IN_BYTES": 500 + n,
        "LAST_SWITCHED": TS + n,
    }


@pytest.mark.parametrize(
    ("producer", "key", "time", "values"),
    [
        (thingspeak, "channel.id", "feeds.created_at", ["field1"]),
        (
            tibber,
            {"const": "all"},
            "data.liveMeasurement.timestamp",
            ["data.liveMeasurement.power"],
        ),
        (solaredge, {"const": "all"}, "energy.values.date", ["value"]),
        (weatherlink, ["station_id", "sensors.lsid"], "sensors.data.ts", ["temp"]),
        (traccar, "position.deviceId", "position.deviceTime", ["position.speed"]),
        (ntopng, "IPV4_SRC_ADDR", "LAST_SWITCHED", ["IN_BYTES"]),
    ],
)
def test_key_time_and_values_are_found(
    producer: Any, key: Any, time: str, values: list[str]
) -> None:
    event = suggested([producer(n) for n in range(24)])

    assert (event["key"], event["time"]["path"], [*event["values"]]) == (key, time, values)
