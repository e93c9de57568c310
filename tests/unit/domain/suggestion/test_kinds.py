"""A topic with several kinds of messages: the condition for those that have values."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.suggestion.mapping import suggested_mapping

TS = 1_704_067_200_000
MANY = range(20)


def reading(n: int, **changed: Any) -> dict[str, Any]:
    return {"type": "reading", "ts": TS + n, "device": f"d{n % 3}", "temp": n} | changed


def hello(n: int) -> dict[str, Any]:
    return {"type": "hello", "ts": TS + n, "device": f"d{n % 3}", "firmware": "a"}


def suggested(documents: list[Any]) -> tuple[dict[str, Any], str]:
    found = suggested_mapping(documents)
    assert found is not None
    return dict(found.event), "\n".join(found.notes)


@pytest.mark.parametrize(
    "other",
    [
        hello,
        lambda n: {"type": "hello", "device": f"d{n}"},
        lambda n: {"type": "hello", "uptime": n},
        lambda n: {"heartbeat": n},
        lambda n: [{"type": "batch"}],
    ],
    ids=["without values", "without a time", "with a number alone", "without a kind", "an array"],
)
def test_the_kind_that_has_values_is_a_condition(other: Any) -> None:
    documents = [one for n in MANY for one in (reading(n), other(n))]

    event, notes = suggested(documents)

    assert event == {
        "where": {"path": "type", "equals": "reading"},
        "key": "device",
        "time": {"path": "ts", "unit": "ms"},
        "values": {"temp": {"path": "temp"}},
    }
    assert "several kinds of messages by type; passed over: " in notes
    assert "(20)" in notes


def test_kinds_that_are_read_alike_are_one_condition() -> None:
    documents = [
        one for n in MANY for one in (reading(n), reading(n, type="alarm"), {"type": "hello"})
    ]

    event, _ = suggested(documents)

    assert event["where"] == {"path": "type", "in": ["reading", "alarm"]}


def test_of_kinds_with_values_all_become_events() -> None:
    documents = [
        one for n in MANY for one in (reading(n), {**hello(n), "type": "memory", "used": n})
    ]

    event, _ = suggested([*documents, *map(hello, MANY)])

    assert event["where"] == {"path": "type", "in": ["reading", "memory"]}
    assert event["values"]["used"] == {"path": "used", "optional": True}


def test_of_kinds_with_times_of_other_names_the_one_with_most_events_is_read() -> None:
    cores = [{"core": name, "idle": 90} for name in ("c0", "c1")]
    documents = [
        one
        for n in MANY
        for one in (
            {"kind": "mem", "host": "h1", "at": TS + n, "used": n},
            {"kind": "cpu", "host": "h1", "ts": TS + n, "cores": cores},
        )
    ]

    event, notes = suggested(documents)

    assert event["where"] == {"path": "kind", "equals": "cpu"}
    assert event["explode"] == "cores"
    assert "passed over: mem (20)" in notes


def test_gaps_of_a_value_are_no_kinds() -> None:
    documents = [reading(n, temp=None if n % 7 == 3 else n) for n in MANY]

    event, notes = suggested(documents)

    assert "where" not in event
    assert "kinds" not in notes


def test_messages_of_one_kind_have_no_condition() -> None:
    event, _ = suggested([reading(n) for n in MANY])

    assert "where" not in event


def test_of_two_kinds_that_can_be_read_the_one_with_more_values_is_the_condition() -> None:
    def batch(n: int) -> dict[str, Any]:
        return {"type": "batch", "items": [{"device": "d1", "ts": TS + n, "temp": n}]}

    documents = [
        one
        for n in MANY
        for one in (reading(n, humidity=n), hello(n), batch(n), {"type": "config", "rev": n})
    ]

    event, _ = suggested(documents)

    assert event["where"] == {"path": "type", "equals": "reading"}
    assert set(event["values"]) == {"temp", "humidity"}


@pytest.mark.parametrize("other", [{"a": 1}, [1]], ids=str)
def test_a_field_that_is_an_object_in_other_messages_tells_no_kind(other: Any) -> None:
    documents = [
        one
        for n in MANY
        for one in ({"ts": TS + n, "temp": n, "v": n}, {"hello": n, "temp": other})
    ]

    event, _ = suggested(documents)

    assert event["where"]["path"] in ("ts", "v")


def test_kinds_that_no_field_names_are_known_by_the_field_that_they_have() -> None:
    documents = [one for n in MANY for one in ({"ts": TS + n, "temp": n}, {"hello": 1}, [1, 2])]

    event, notes = suggested(documents)

    assert event["where"] == {"path": "ts", "exists": True}
    assert event["values"] == {"temp": {"path": "temp"}}
    assert "40 messages have no ts: passed over" in notes


def test_of_kinds_with_nothing_in_common_the_one_with_a_time_is_a_condition() -> None:
    documents = [
        one
        for n in MANY
        for one in (
            {"sensor": f"s{n % 3}", "ts": TS + n, "temp": n},
            {"device": f"d{n % 3}", "at": TS + n, "battery": n},
        )
    ]

    found = suggested_mapping(documents, ["k"] * len(documents), has_message_times=True)

    assert found is not None
    assert found.event == {
        "where": {"path": "sensor", "exists": True},
        "key": "sensor",
        "time": {"path": "ts", "unit": "ms"},
        "values": {"temp": {"path": "temp"}},
    }
    assert "20 messages have no sensor: passed over" in found.notes


def test_messages_without_a_time_are_read_with_those_that_have_the_same_value() -> None:
    documents = [
        one
        for n in MANY
        for one in ({"id": f"s{n % 3}", "ts": TS + n, "v": n}, {"id": f"s{n % 3}", "v": n})
    ]

    found = suggested_mapping(documents, has_message_times=True)

    assert found is not None
    assert "where" not in found.event
