"""What is exploded in messages whose events lie in arrays, parallel arrays or maps of entities.

The messages are those of public producers, with the numbers changed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.domain.suggestion.mapping import suggested_mapping
from tests.unit.connectors.formats.format_case import decode, entities

TS = 1_704_067_200_000
MANY = range(20)
OPEN_METEO = {
    "latitude": 52.52,
    "longitude": 13.419998,
    "generationtime_ms": 0.06,
    "utc_offset_seconds": 0,
    "timezone": "GMT",
    "timezone_abbreviation": "GMT",
    "elevation": 38.0,
    "hourly_units": {"time": "iso8601", "temperature_2m": "°C"},
    "hourly": {"time": ["2024-01-01T10:00", "2024-01-01T11:00"], "temperature_2m": [12.4, 13.0]},
}
THINGSBOARD = {
    name: [
        {"ts": TS + second, "values": {"temperature": value, "humidity": 80}}
        for second, value in readings
    ]
    for name, readings in {"Device A": [(0, 42), (1000, 43)], "Device B": [(0, 22)]}.items()
}
COLLECTD = {
    "values": [197_141_504, 175_136_768],
    "dstypes": ["counter", "counter"],
    "dsnames": ["read", "write"],
    "time": 1_704_067_200.5,
    "interval": 10,
    "host": "leeloo",
    "plugin": "disk",
    "plugin_instance": "sda",
    "type": "disk_octets",
}
PPMP = {
    "device": {"deviceID": "press-4"},
    "measurements": [
        {
            "ts": "2024-01-01T00:00:00.123+00:00",
            "series": {"$_time": [0, 23], "force": [26, 23], "pressure": [52.4, 46.5]},
        }
    ],
}
OPEN_WEATHER = {
    "message": "accurate",
    "count": 2,
    "list": [
        {"id": city, "name": name, "dt": 1_704_067_200, "main": {"temp": temp, "humidity": 72}}
        for city, name, temp in ((2267057, "Lisbon", 18.96), (4969622, "Lisbon Falls", 15.73))
    ],
}
TASMOTA = [
    {"ZbReceived": {address: {"Device": address, "Temperature": 19.04 + n, "Humidity": 70.89}}}
    for n in MANY
    for address in [f"0x{1000 + n % 5}"]
]


@pytest.mark.parametrize(
    ("documents", "explode", "events"),
    [
        ([OPEN_METEO], "hourly", [("all", 12.4), ("all", 13.0)]),
        ([[OPEN_METEO]], "hourly", [("all", 12.4), ("all", 13.0)]),
        (
            [THINGSBOARD],
            "*.value",
            [("Device A", 42.0), ("Device A", 43.0), ("Device B", 22.0)],
        ),
        (
            [[COLLECTD]],
            "$message",
            [("leeloo/read", 197_141_504.0), ("leeloo/write", 175_136_768.0)],
        ),
        ([PPMP], "measurements.series", [("press-4", 26.0), ("press-4", 23.0)]),
        ([OPEN_WEATHER], "list", [("2267057", 18.96), ("4969622", 15.73)]),
        (
            [{"device": "d1", "ts": [TS, TS + 1000], "level": [1.5, 2.5]}],
            "$message",
            [("d1", 1.5), ("d1", 2.5)],
        ),
    ],
    ids=[
        "Open-Meteo",
        "Open-Meteo, places in an array",
        "ThingsBoard, gateway",
        "collectd",
        "PPMP",
        "OpenWeather, cities",
        "arrays at the top",
    ],
)
def test_what_is_suggested_reads_all_events(
    documents: list[Any], explode: str, events: list[tuple[str, float]]
) -> None:
    found = suggested_mapping(documents)
    assert found is not None
    text = yaml.safe_dump(dict(found.event), sort_keys=False)

    read, rejects = decode(text, *(json.dumps(one).encode() for one in documents))

    assert found.event["explode"] == explode
    assert (entities(read), rejects) == (events, [])


def test_names_of_objects_that_change_are_entities() -> None:
    found = suggested_mapping(TASMOTA, has_message_times=True)

    assert found is not None
    assert (found.event["explode"], found.event["key"]) == (
        "ZbReceived.*",
        "ZbReceived.*.value.Device",
    )
    assert set(found.event["values"]) == {"Temperature", "Humidity"}


def test_gateways_that_send_one_device_at_a_time_have_an_entity_for_each() -> None:
    documents = [{f"Device {n % 7}": [{"ts": TS + n, "values": {"temp": n}}]} for n in MANY]

    found = suggested_mapping(documents)

    assert found is not None
    assert (found.event["explode"], found.event["key"]) == ("*.value", "*.name")
    assert "is not read" not in "".join(found.notes)


@pytest.mark.parametrize(
    "document",
    [
        {"ts": TS, "rooms": {"bath": {"temp": 22}, "hall": {"temp": 18}}},
        {"ts": TS, "host": "h", "load": {"value": 1}, "memory": {"value": 2}},
        {"ts": TS, "accelerations": [1, 2, 3], "offsets": [4, 5, 6], "temp": 20},
    ],
    ids=["rooms that are all there", "fields with their values", "arrays without times or names"],
)
def test_objects_with_fields_of_their_own_are_one_event(document: Any) -> None:
    found = suggested_mapping([document] * 5)

    assert found is not None
    assert "explode" not in found.event


def test_kinds_of_metrics_that_take_turns_are_no_entities() -> None:
    # As Vector writes them.
    documents = [
        {"name": "a", "ts": TS + n, "tags": {"host": "h"}, kind: {"value": n}}
        for n in MANY
        for kind in [("gauge", "counter")[n % 2]]
    ]

    found = suggested_mapping(documents)

    assert found is not None
    assert "explode" not in found.event


def test_named_values_of_an_array_are_noted_as_values_of_one_event() -> None:
    # As sensor.community writes them, with a time.
    measured = [{"value_type": "SDS_P1", "value": "12.30"}, {"value_type": "signal", "value": "-6"}]
    documents = [{"esp": f"e{n % 3}", "ts": TS + n, "found": measured} for n in MANY]

    found = suggested_mapping(documents)

    assert found is not None
    assert found.event["explode"] == "found"
    assert found.event["values"] == {"value": {"path": "found.value", "as": "number"}}
    paths = "found[value_type=SDS_P1].value, found[value_type=signal].value"
    assert f"values by name, {paths}" in "".join(found.notes)


@pytest.mark.parametrize(
    "element",
    [
        {"name": "a", "value": 1, "ts": TS},
        {"name": "a", "value": 1, "count": 2},
        {"name": "a", "value": 1},
    ],
    ids=["with times of their own", "with two numbers", "of one name"],
)
def test_elements_that_are_events_are_not_noted_as_values(element: Any) -> None:
    documents = [{"esp": "e", "ts": TS + n, "found": [element, element]} for n in MANY]

    found = suggested_mapping(documents)

    assert found is not None
    assert "by name" not in "".join(found.notes)


@pytest.mark.parametrize(
    ("own", "key"),
    [
        ({"temp_text": "0.007", "unit_of": "x"}, "unit_of"),
        ({"timezone": "GMT", "site": "s"}, "site"),
        ({"tenantId": "t", "deviceName": "d"}, "deviceName"),
    ],
    ids=["a number as text", "a time zone", "a tenant of devices"],
)
def test_what_names_no_entity_is_not_the_key(own: dict[str, str], key: str) -> None:
    found = suggested_mapping([{**own, "ts": TS + n, "v": n} for n in MANY])

    assert found is not None
    assert found.event["key"] == key


def test_digits_of_an_id_are_not_date_and_hour_at_once() -> None:
    assert suggested_mapping([{"esp8266id": "123456", "v": 1}]) is None
