"""Mappings that are suggested from messages."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.suggestion.mapping import suggested_mapping
from engine.domain.suggestion.one_kind import what_is_missing
from tests.unit.domain.suggestion.suggesting import notes, suggested

METRICBEAT = {
    "@timestamp": "2024-01-01T00:00:00.123Z",
    "host": {"name": "h1"},
    "system": {"cpu": {"total": 0.25}},
}
ADAPTER = {"name": "node_load1", "timestamp": "2024-01-01T00:00:00Z", "value": "1.25"}
RULE = {"clientid": "press-4", "ts": 1_704_067_200_000, "temp": 21.5, "serial": "0042"}
TS = 1_704_067_200_000
MANY = range(40)


@pytest.mark.parametrize(
    ("message", "mapping"),
    [
        (
            METRICBEAT,
            {
                "key": "host.name",
                "time": {"path": "@timestamp", "format": "iso8601"},
                "values": {"system.cpu.total": {"path": "system.cpu.total"}},
            },
        ),
        (
            ADAPTER,
            {
                "key": "name",
                "time": {"path": "timestamp", "format": "iso8601"},
                "values": {"value": {"path": "value", "as": "number"}},
            },
        ),
        (
            RULE,
            {
                "key": "clientid",
                "time": {"path": "ts", "unit": "ms"},
                "values": {"temp": {"path": "temp"}},
            },
        ),
    ],
    ids=["a time with a sign", "a number as text", "an id of digits is no value"],
)
def test_key_time_and_values_are_suggested(message: Any, mapping: Any) -> None:
    assert suggested([message, message]) == mapping


@pytest.mark.parametrize(
    "own", [lambda n: f"m{n}", lambda n: f"{n:08x}-0000-4000-8000-{n:012x}"], ids=["text", "UUID"]
)
def test_an_id_of_each_message_is_not_the_key(own: Any) -> None:
    documents = [{"id": own(n), "unit": f"u{n % 5}", "ts": TS + n, "v": n} for n in MANY]

    assert suggested(documents)["key"] == "unit"
    assert "nearly each message has another: id" in notes(documents)


def test_two_messages_with_an_id_of_their_own_have_another_key() -> None:
    documents = [{"event_id": f"m{n}", "unit": "u", "ts": TS + n, "v": n} for n in range(2)]

    assert suggested(documents)["key"] == "unit"


def test_the_finest_name_that_repeats_is_the_key() -> None:
    documents = [{"site": f"s{n % 2}", "sensor": f"x{n % 10}", "ts": TS + n, "v": n} for n in MANY]

    assert suggested(documents)["key"] == "sensor"


def test_what_the_messages_are_keyed_by_is_the_key() -> None:
    documents = [{"name": f"n{n % 10}", "line": f"l{n % 2}", "ts": TS + n, "v": n} for n in MANY]

    found = suggested(documents, message_keys=[one["line"] for one in documents])

    assert found["key"] == "line"


def test_the_message_key_is_the_key_if_no_field_is() -> None:
    found = suggested(
        [{"v": n} for n in MANY], message_keys=["a", "b"] * 20, has_message_times=True
    )

    assert found == {"key": "$message_key", "values": {"v": {"path": "v"}}}


def test_messages_without_a_name_are_of_one_entity() -> None:
    documents = [{"ts": TS + n, "v": n} for n in MANY]

    assert suggested(documents)["key"] == {"const": "all"}
    assert "nothing names the entity" in notes(documents)


def test_elements_of_an_array_are_exploded_and_named() -> None:
    measured = [{"name": "wet", "value": 5}, {"name": "temp", "value": 20.5}]
    documents = [{"device": f"d{n % 3}", "ts": TS + n, "measured": measured} for n in MANY]

    assert suggested(documents) == {
        "explode": "measured",
        "key": ["device", "measured.name"],
        "time": {"path": "ts", "unit": "ms"},
        "values": {"value": {"path": "measured.value"}},
    }


def test_a_message_that_is_an_array_is_exploded() -> None:
    documents = [[{"port": f"eth{k}", "ts": TS + n, "octets": n} for k in range(3)] for n in MANY]

    found = suggested(documents)

    assert (found["explode"], found["key"]) == ("$message", "port")


def test_an_array_beside_values_is_noted() -> None:
    radio = [{"gateway": "g", "rssi": -80}]
    documents = [{"device": "d", "ts": TS + n, "temp": n, "radio": radio} for n in MANY]

    assert "explode" not in suggested(documents)
    assert "explode: radio" in notes(documents)


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        (TS // 1000, {"unit": "s"}),
        (str(TS), {"unit": "ms"}),
        (TS * 1000, {"unit": "us"}),
        (TS * 1_000_000, {"unit": "ns"}),
        ("2024-01-01 00:00:00+00", {"format": "iso8601"}),
        ("2024-01-01 00:00:00 UTC", {"format": "iso8601"}),
        ("31.01.2024 13:45", {"format": "%d.%m.%Y %H:%M"}),
        ("01/31/2024 01:45:00 PM", {"format": "%m/%d/%Y %I:%M:%S %p"}),
        ("20240131134500", {"format": "%Y%m%d%H%M%S"}),
        ("Jan 31 13:45:00", {"format": "%b %d %H:%M:%S"}),
        ("2024-01-31T13:00:00/2024-01-31T14:00:00", {"format": "iso8601"}),
    ],
)
def test_the_form_of_a_time_is_found(written: Any, spec: dict[str, str]) -> None:
    documents = [{"sensor": "a", "time": written, "v": 1}]

    assert suggested(documents)["time"] == {"path": "time", **spec}


def test_day_and_month_are_told_apart_by_what_lies_close_together() -> None:
    documents = [{"sensor": "a", "time": f"0{n}/03/2024 12:00", "v": n} for n in range(1, 10)]

    assert suggested(documents)["time"]["format"] == "%d/%m/%Y %H:%M"


def test_a_date_and_an_hour_are_one_time() -> None:
    documents = [{"Date": f"{n:02}/03/2004", "Time": "18.00.00", "CO": n} for n in range(10, 30)]

    assert suggested(documents)["time"] == {"path": ["Date", "Time"], "format": "%d/%m/%Y %H.%M.%S"}


def test_a_large_counter_is_a_value_and_no_time() -> None:
    documents = [{"sensor": "a", "ts": TS + n, "octets": 1_500_000_000 + n} for n in MANY]

    assert list(suggested(documents)["values"]) == ["octets"]


def test_names_with_dots_are_quoted() -> None:
    documents = [{"sensor": "a", "ts": TS + n, "pm2.5": n} for n in MANY]

    assert suggested(documents)["values"]["pm2.5"]["path"] == '["pm2.5"]'


def test_digits_in_a_text_are_an_amount_if_the_name_says_so() -> None:
    job = {"rowCount": "10", "total_bytes": "12345", "account": "123456789012"}
    documents = [{"host": "h1", "ts": TS + n, **job} for n in MANY]

    assert suggested(documents)["values"] == {
        "rowCount": {"path": "rowCount", "as": "number"},
        "total_bytes": {"path": "total_bytes", "as": "number"},
    }


def test_names_of_elements_are_the_key_though_each_occurs_once() -> None:
    found = [{"path": f"engine.{n}", "value": n} for n in range(9)]

    assert suggested([{"boat": "b1", "ts": TS, "found": found}])["key"] == "found.path"


def test_lamps_that_are_read_in_one_moment_are_entities() -> None:
    documents = [{"device": f"lamp {n}", "room": "r1", "ts": TS, "on": n} for n in MANY]

    assert suggested(documents)["key"] == "device"


def test_a_uuid_of_a_device_is_the_key_of_a_single_message() -> None:
    device = "a4927dad-58d4-4580-b460-79cefd56775b"
    document = {"deviceID": device, "build": "a", "ts": TS, "force": 3}

    assert suggested([document])["key"] == "deviceID"


def test_a_process_names_no_entity() -> None:
    # As Frigate writes the statistics of its cameras.
    documents = [{"ts": TS + n, "front": {"pid": 123, "fps": n}} for n in MANY]

    assert suggested(documents)["key"] == {"const": "all"}


def test_a_serial_number_is_a_better_name_than_a_model() -> None:
    documents = [
        {"Model": "Libre 3", "Serial Number": f"A{n % 3}", "ts": TS + n, "mmol": n} for n in MANY
    ]

    assert suggested(documents)["key"] == "Serial Number"


def test_a_unit_names_no_entity() -> None:
    documents = [{"TempUnit": "C", "ts": TS + n, "temp": n} for n in MANY]

    assert suggested(documents)["key"] == {"const": "all"}


def test_arrays_beside_the_one_that_is_exploded_are_noted() -> None:
    part = [{"name": "a", "value": 1}]
    documents = [{"ts": TS + n, "counters": part, "gauges": part} for n in MANY]

    assert suggested(documents)["explode"] == "counters"
    assert "explode: gauges" in notes(documents)


def test_a_time_near_the_top_is_preferred() -> None:
    documents = [{"job": {"created_at": TS + n}, "host": "a", "at": TS + n, "v": n} for n in MANY]

    assert suggested(documents)["time"] == {"path": "at", "unit": "ms"}


def test_a_first_line_of_data_in_the_place_of_the_header_is_noted() -> None:
    documents = [{"s1": "s2", "2024-01-01 00:00:00": "2024-01-01 00:01:00", "20.5": 20.6}]

    assert "source.file.csv.names" in notes(documents)


@pytest.mark.parametrize(
    ("document", "said"),
    [({"sensor": "a", "v": 1}, "a time"), ({"sensor": "a", "ts": TS}, "a number")],
)
def test_what_messages_lack_is_named(document: Any, said: str) -> None:
    assert said in what_is_missing([document])


@pytest.mark.parametrize("documents", [[{"sensor": "a", "v": 1}], [{"ts": TS, "sensor": "a"}], []])
def test_messages_without_a_time_or_a_value_have_no_mapping(documents: list[Any]) -> None:
    assert suggested_mapping(documents) is None
