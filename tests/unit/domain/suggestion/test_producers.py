"""Mappings suggested for messages as products write them: events of all, and their entities."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from tests.unit.connectors.formats.format_case import decode, entities
from tests.unit.domain.suggestion.suggesting import notes, suggested

TS = 1_704_067_200
MANY = range(20)


def in_base64(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


LOKI = {
    "streams": [
        {
            "stream": {"app": app},
            "values": [[f"{TS}000000000", '{"latency": 12.5}'], [f"{TS + 1}000000000", "{}"]],
        }
        for app in ("shop", "cart")
    ]
}
DATADOG = {
    "series": [
        {"metric": metric, "points": [[TS, 0.5], [TS + 10, 0.5]], "type": "gauge", "host": "h1"}
        for metric in ("system.load.1", "system.mem.used")
    ]
}
MATRIX = {
    "metric": {"__name__": "up", "instance": "i1"},
    "values": [[TS + 0.781, "1"], [TS + 15.781, "2"]],
}
VECTOR = {"metric": {"__name__": "up", "instance": "i1"}, "value": [TS + 0.781, "1"]}
GRAPHITE = {"target": "servers.h1.load", "datapoints": [[0.5, TS], [1.5, TS + 60]]}
FLUENT_BIT = {"@timestamp": TS, "log": '{"took": 12.5}\n', "pod": "shop-1"}
AZURE = {
    "EnqueuedTimeUtc": "2024-01-01T00:00:00.1230000Z",
    "SystemProperties": {"connectionDeviceId": "dev1"},
    "Body": in_base64({"temperature": 21.5}),
}
BRIDGE = {"topic": "zigbee2mqtt/Kitchen", "payload": json.dumps({"temperature": 21.5, "ts": TS})}


@pytest.mark.parametrize(
    ("documents", "events"),
    [
        ([DATADOG], [("h1/system.load.1", 0.5)] * 2 + [("h1/system.mem.used", 0.5)] * 2),
        ([{"data": {"result": [MATRIX]}}], [("i1", 1.0), ("i1", 2.0)]),
        ([{"data": {"result": [VECTOR]}}], [("i1", 1.0)]),
        ([[GRAPHITE]], [("servers.h1.load", 0.5), ("servers.h1.load", 1.5)]),
        ([FLUENT_BIT], [("shop-1", 12.5)]),
        ([AZURE], [("dev1", 21.5)]),
        ([BRIDGE], [("zigbee2mqtt/Kitchen", 21.5)]),
    ],
    ids=[
        "Datadog, version 1",
        "Prometheus, range",
        "Prometheus, instant",
        "Graphite",
        "Fluent Bit, JSON as text",
        "Azure IoT Hub, base64",
        "MQTT bridge, JSON as text",
    ],
)
def test_values_in_rows_and_texts_are_read(
    documents: list[Any], events: list[tuple[str, float]]
) -> None:
    text = yaml.safe_dump(suggested(documents), sort_keys=False)

    read, _ = decode(text, *(json.dumps(one).encode() for one in documents))

    assert entities(read) == events


def test_json_in_the_lines_of_a_push_to_loki_is_read() -> None:
    found = suggested([LOKI])

    assert found["explode"] == "streams.values"
    assert found["key"] == "streams.stream.app"
    assert found["time"] == {"path": "streams.values[0]", "unit": "ns"}
    assert found["values"]["latency"]["path"] == "streams.values[1] | json.latency"


def test_columns_of_rows_are_named_by_their_places() -> None:
    found = suggested([{"device": "plc1", "rows": [[TS, 60.5, 3.5], [TS + 1, 60.5, 3.5]]}])

    assert found["values"] == {"value_1": {"path": "rows[1]"}, "value_2": {"path": "rows[2]"}}


def test_rows_without_a_time_are_not_exploded() -> None:
    line = {"ts": TS, "id": "bus-1", "speed": 3.5, "line": [[13.4, 52.5], [13.5, 52.6]]}

    assert "explode" not in suggested([line])


@pytest.mark.parametrize("text", ["{broken", "eyJicm9rZW4", "eyJhbGciOi.eyJzdWIiO", "[1, 2]"])
def test_texts_that_are_no_json_stay_texts(text: str) -> None:
    documents = [{"ts": TS, "name": "m1", "level": 3.5, "text": text} for _ in MANY]

    assert suggested(documents)["values"] == {"level": {"path": "level"}}


def test_values_of_one_name_in_two_texts_have_their_paths_for_names() -> None:
    found = suggested([{"ts": TS, "name": "m1", "a": '{"t": 1.5}', "b": '{"t": 2.5}'}])

    assert found["values"] == {
        "a | json.t": {"path": "a | json.t"},
        "b | json.t": {"path": "b | json.t"},
    }


def test_words_for_gaps_and_states_among_numbers_are_named() -> None:
    states = ["21.5", "45", "unavailable", "on", "off"]
    documents = [
        {"entity_id": f"sensor.{n % 5}", "state": states[n % 5], "last_changed": TS + n // 5}
        for n in MANY
    ]

    found = suggested(documents)

    assert "where" not in found
    assert found["values"]["state"] == {
        "path": "state",
        "as": "number",
        "missing": ["unavailable"],
        "map": {"off": 0, "on": 1},
    }


def test_words_alone_are_no_value() -> None:
    documents = [{"ts": TS + n, "id": "m1", "flow": 3.5, "state": "on"} for n in MANY]

    assert suggested(documents)["values"] == {"flow": {"path": "flow"}}


@pytest.mark.parametrize("hosts", [["web1"], ["web1", "web2"]])
def test_labels_that_tell_series_apart_are_parts_of_the_key(hosts: list[str]) -> None:
    documents = [
        {"timestamp": TS + n, "fields": {"idle": 90.5}, "tags": {"cpu": cpu, "host": host}}
        for n in MANY
        for host in hosts
        for cpu in ("cpu0", "cpu1")
    ]

    assert suggested(documents)["key"] == ["tags.host", "tags.cpu"]


def test_a_host_that_has_sent_all_is_not_added_to_a_device() -> None:
    documents = [
        {"ts": TS + n, "device": f"d{n % 2}", "host": "broker1", "level": 3.5} for n in MANY
    ]

    assert suggested(documents)["key"] == "device"


def test_an_id_of_the_message_is_not_the_key_of_its_elements() -> None:
    documents = [
        {
            "MessageId": f"{n}-a",
            "Messages": [
                {"DataSetWriterId": writer, "Timestamp": TS + n, "Payload": {"T": 60.5}}
                for writer in (1, 2)
            ],
        }
        for n in MANY
    ]

    assert suggested(documents)["key"] == "Messages.DataSetWriterId"


@pytest.mark.parametrize("time", [TS, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00"])
def test_another_time_of_the_event_is_no_value(time: Any) -> None:
    documents = [{"timestamp": time, "id": "m1", "v": 3.5, "t": TS * 1000 - 50} for _ in MANY]

    assert suggested(documents)["values"] == {"v": {"path": "v"}}


def test_numbers_that_only_look_like_times_are_values() -> None:
    documents = [{"ts": TS + n, "id": "m1", "free": 1_500_000_000 + n} for n in MANY]

    assert suggested(documents)["values"] == {"free": {"path": "free"}}


def test_a_date_as_java_prints_it_is_a_time() -> None:
    documents = [{"tag": "t1", "at": "Mon Jan 01 00:00:00 CET 2024", "value": 3.5} for _ in MANY]

    assert suggested(documents)["time"] == {"path": "at", "format": "%a %b %d %H:%M:%S %Z %Y"}


def test_a_part_that_the_key_misses_is_noted() -> None:
    documents = [
        {"ts": TS + n, "name": "memory", "value": 3.5, "attributes": {"state": state}}
        for n in MANY
        for state in ("used", "free")
    ] + [{"ts": TS + n, "name": "load", "value": 0.5} for n in MANY]

    noted = notes(documents)

    assert "20 events have the entity and time of another" in noted
    assert "perhaps attributes.state" in noted


def test_numbers_that_never_change_are_noted() -> None:
    documents = [{"ts": TS + n, "id": "m1", "rate": 3, "level": n / 2} for n in MANY]

    assert "the same in all messages read, perhaps no values: rate" in notes(documents)


def test_texts_of_json_in_an_array_are_events() -> None:
    message = {"ts": TS, "id": "m1", "found": ['{"flow": 3.5}', '{"flow": 4.5}']}

    found = suggested([message])
    read, rejects = decode(yaml.safe_dump(found, sort_keys=False), json.dumps(message).encode())

    assert found["values"] == {"flow": {"path": "found | json.flow"}}
    assert (entities(read), rejects) == ([("m1", 3.5), ("m1", 4.5)], [])


def test_a_field_that_no_path_can_name_is_left_out() -> None:
    found = suggested([{"ts": TS, "id": "m1", "*": {"flow": 3.5}, "level": 2.5}])

    assert found["values"] == {"level": {"path": "level"}}
