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


def purpleair(n: int) -> dict[str, Any]:
    """A sensor of PurpleAir, with a date in slashes and the letters of ISO 8601."""
    when = f"2025/11/30T10:{n:02}:00z"
    own = {"SensorId": f"84:f3:eb:{n % 3}", "DateTime": when, "lat": 40.1, "lon": -111.2}
    return {**own, "place": "outside", "pm2_5_atm": 5.5 + n % 7}


def teltonika(n: int) -> dict[str, Any]:
    """A tracker that its topic names alone, with the place in one text."""
    where = f"54.{n % 4}0,25.20"
    return {"state": {"reported": {"24": n % 9, "ts": (TS + n) * 1000, "latlng": where}}}


def iec104(n: int) -> dict[str, Any]:
    """A point of IEC 60870-5-104, by the address of its object."""
    point = {"type": "M_ME_NC_1", "ioa": 1000 + n % 3, "value": 230.5 + n % 4}
    return {"iec104": {**point, "quality": "good", "ts": ISO.format(n, 0)}}


def glow(n: int) -> dict[str, Any]:
    """A meter whose day is the energy since midnight."""
    used = {"cumulative": 600.25 + n % 5, "day": 9.5 + n % 4, "units": "kWh", "mpan": f"M{n % 3}"}
    return {"electricitymeter": {"timestamp": ISO.format(n, 0), "energy": {"import": used}}}


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
        (purpleair, "SensorId", "DateTime", ["pm2_5_atm"]),
        (teltonika, {"const": "all"}, "state.reported.ts", ["state.reported.24"]),
        (iec104, "iec104.ioa", "iec104.ts", ["iec104.value"]),
        (
            glow,
            "electricitymeter.energy.import.mpan",
            "electricitymeter.timestamp",
            ["electricitymeter.energy.import.cumulative", "electricitymeter.energy.import.day"],
        ),
    ],
)
def test_key_time_and_values_are_found(
    producer: Any, key: Any, time: str, values: list[str]
) -> None:
    event = suggested([producer(n) for n in range(24)])

    assert (event["key"], event["time"]["path"], [*event["values"]]) == (key, time, values)


def test_labels_in_an_array_are_parts_of_the_key() -> None:
    def timestream(n: int) -> dict[str, Any]:
        """A record of Amazon Timestream."""
        labels = [{"Name": "region", "Value": "eu"}, {"Name": "host", "Value": f"h{n % 3}"}]
        measure = {"MeasureName": f"m{n % 2}", "MeasureValue": f"{n % 7}.5"}
        return {"Dimensions": labels[:: 1 - 2 * (n % 2)], **measure, "Time": str((TS + n) * 1000)}

    event = suggested([timestream(n) for n in range(24)])

    assert event["key"] == ["Dimensions[Name=host].Value", "MeasureName"]
    assert [*event["values"]] == ["MeasureValue"]


def test_whole_numbers_of_mongodb_are_values() -> None:
    def status(n: int) -> dict[str, Any]:
        """Extended JSON of version 2."""
        now = {"$date": ISO.format(n, 0)}
        memory = {"resident": {"$numberLong": str(500 + n % 9)}}
        return {"host": f"m{n % 3}:27017", "localTime": now, "conns": n % 7, "mem": memory}

    event = suggested([status(n) for n in range(24)])

    conns, resident = event["values"].values()
    assert conns["path"] == "conns"
    assert resident["path"].startswith("mem.resident[$numberDouble|")
    assert resident["as"] == "number"
