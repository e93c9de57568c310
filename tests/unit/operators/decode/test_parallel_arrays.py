"""Parallel arrays, messages that are arrays themselves, and times as .NET writes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import TS, decode, entities

PARALLEL = """
explode: $message
key: device
time: {path: ts, unit: ms}
values: [v]
"""
HOURLY = """
explode: hourly
key: place
time: {path: hourly.time, format: iso8601}
values: {t: hourly.temperature}
"""


def test_parallel_arrays_are_an_event_for_each_place() -> None:
    message = {"device": "d1", "ts": [TS, TS + 1000], "v": [1, 2], "unit": ["A", "B", "C"]}

    events, rejects = decode(PARALLEL, orjson.dumps(message))

    assert (entities(events), rejects) == ([("d1", 1), ("d1", 2)], [])
    assert events.times.tolist() == [TS * 10**6, (TS + 1000) * 10**6]
    assert events.indices is not None
    assert events.indices.tolist() == [0, 1]


def test_parallel_arrays_of_an_object_below_are_read() -> None:
    hourly = {"time": ["2024-01-01T00:00", "2024-01-01T01:00"], "temperature": [1.5, None]}

    events, rejects = decode(HOURLY, orjson.dumps({"place": "p", "hourly": hourly}))

    assert entities(events) == [("p", 1.5)]
    assert [reject.detail for reject in rejects] == ["hourly.temperature is null"]
    again, _ = decode(HOURLY.replace("{t:", "{t2: place, t:"), rejects[0].value)
    assert len(again) == 0


def test_parallel_arrays_may_stand_in_objects_of_their_own() -> None:
    message = {"device": "d1", "ts": [TS, TS], "values": {"v": [1, 2], "other": list(range(99))}}
    text = PARALLEL.replace("[v]", "{v: values.v}")

    events, rejects = decode(text, orjson.dumps(message))

    assert (entities(events), rejects) == ([("d1", 1), ("d1", 2)], [])


def test_each_element_of_an_array_may_hold_parallel_arrays() -> None:
    # As collectd writes them.
    metrics = [
        {"host": "h", "plugin": "disk", "dsnames": ["read", "write"], "values": [7, 8], "t": 1e9},
        {"host": "h", "plugin": "load", "dsnames": ["short"], "values": [0.5], "t": 1e9},
        {"host": "h", "plugin": "bad", "dsnames": ["a", "b"], "values": [1], "t": 1e9},
    ]
    text = """
explode: $message
key: [host, plugin, dsnames]
time: {path: t, unit: s}
values: {v: values}
"""

    events, rejects = decode(text, orjson.dumps(metrics))

    assert entities(events) == [("h/disk/read", 7), ("h/disk/write", 8), ("h/load/short", 0.5)]
    assert [reject.index for reject in rejects] == [3]


def test_parallel_arrays_of_different_lengths_are_a_reject_that_names_them() -> None:
    message = {"device": "d1", "ts": [TS, TS], "v": [1, 2, 3]}

    events, rejects = decode(PARALLEL, orjson.dumps(message))

    assert len(events) == 0
    assert [(reject.reason, reject.detail) for reject in rejects] == [
        (RejectReason.WRONG_TYPE, "ts has 2, v has 3 elements: expected as many in each array")
    ]


def test_an_array_that_is_read_by_index_is_taken_as_a_whole() -> None:
    message = {"device": "d1", "ts": TS, "v": [1, 2]}

    events, _ = decode(PARALLEL.replace("[v]", '{v: "v[1]"}'), orjson.dumps(message))

    assert entities(events) == [("d1", 2)]


def test_empty_parallel_arrays_are_passed_over() -> None:
    events, rejects = decode(PARALLEL, b'{"device": "d1", "ts": [], "v": []}')

    assert (len(events), rejects) == (0, [])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("[0].id", "[0].v", [{"id": "a", "v": 1}, {"id": "b"}]),
        (
            "[name=id].value",
            "[name=v].value",
            [{"name": "v", "value": 1}, {"name": "id", "value": "a"}],
        ),
        ("[0][1]", "[1][0]", [[0, "a"], [1]]),
    ],
)
def test_a_path_may_begin_in_an_array(key: str, value: str, message: Any) -> None:
    text = f"key: '{key}'\nvalues: {{v: '{value}'}}"

    events, rejects = decode(text, orjson.dumps(message), b'{"id": "a"}', b"[]")

    assert entities(events) == [("a", 1)]
    assert [reject.reason for reject in rejects] == [
        RejectReason.WRONG_TYPE,
        RejectReason.MISSING_KEY,
    ]


def test_elements_that_are_arrays_themselves_are_read_by_index() -> None:
    # As Loki and Prometheus write them.
    message = {"series": [{"app": "x", "values": [["1704067200", 1], ["1704067201", 2]]}]}
    text = """
explode: series.values
key: series.app
time: {path: "series.values[0]", unit: s}
values: {v: "series.values[1]"}
"""

    events, rejects = decode(text, orjson.dumps(message))

    assert (entities(events), rejects) == ([("x", 1), ("x", 2)], [])


@pytest.mark.parametrize(
    "written", ["/Date(1704067200000)/", "/Date(1704067200000+0100)/", r"\/Date(1704067200000)\/"]
)
def test_a_time_of_dot_net_is_read(written: str) -> None:
    text = "key: {const: a}\ntime: {path: ts, unit: ms}\nvalues: [v]"

    events, _ = decode(text, f'{{"ts": "{written}", "v": 1}}'.encode())

    assert events.times.tolist() == [TS * 10**6]


@pytest.mark.parametrize(
    ("how", "written", "detail"),
    [
        ("unit: ms", "/Date(-62135596800000)/", "not readable as a number in ms"),
        ("unit: ms", "/Date(x)/", "not readable as a number in ms"),
        ("format: iso8601", "/Date(1704067200000)/", "set unit: ms instead of format"),
    ],
)
def test_rejects_texts_that_are_not_times_of_dot_net(how: str, written: str, detail: str) -> None:
    text = f"key: {{const: a}}\ntime: {{path: ts, {how}}}\nvalues: [v]"

    _, rejects = decode(text, orjson.dumps({"ts": written, "v": 1}))

    assert rejects[0].reason == RejectReason.BAD_TIME
    assert detail in rejects[0].detail


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-01T00:00:00Z/2024-01-01T01:00:00Z",
        "2024-01-01T00:00Z/PT1H",
        "2024-01-01/2024-02-01",
    ],
)
def test_an_interval_is_read_as_its_begin(written: str) -> None:
    # As SensorThings writes phenomenonTime.
    text = "key: {const: a}\ntime: {path: ts, format: iso8601}\nvalues: [v]"

    events, _ = decode(text, orjson.dumps({"ts": written, "v": 1}))

    assert events.times.tolist() == [TS * 10**6]
