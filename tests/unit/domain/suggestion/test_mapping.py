"""Mappings that are suggested from messages."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.suggestion.mapping import suggested_mapping

METRICBEAT = {
    "@timestamp": "2024-01-01T00:00:00.123Z",
    "host": {"name": "h1"},
    "system": {"cpu": {"total": 0.25}},
}
ADAPTER = {"name": "node_load1", "timestamp": "2024-01-01T00:00:00Z", "value": "1.25"}
RULE = {"clientid": "press-4", "ts": 1_704_067_200_000, "temp": 21.5, "serial": "0042"}
TS = 1_704_067_200_000
MANY = range(40)


def suggested(documents: list[Any], **given: Any) -> dict[str, Any]:
    found = suggested_mapping(documents, **given)
    assert found is not None
    return dict(found.event)


def notes(documents: list[Any]) -> str:
    found = suggested_mapping(documents)
    assert found is not None
    return "\n".join(found.notes)


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


@pytest.mark.parametrize("documents", [[{"sensor": "a", "v": 1}], [{"ts": TS, "sensor": "a"}], []])
def test_messages_without_a_time_or_a_value_have_no_mapping(documents: list[Any]) -> None:
    assert suggested_mapping(documents) is None
