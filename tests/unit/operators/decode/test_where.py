"""Messages that conditions pass over, and tombstones."""

from __future__ import annotations

from typing import Any

import pytest

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.application.ports import RunContext
from engine.domain.reject import RejectReason
from operators.decode.step import decode_step
from tests.unit.operators.decode.mapping_case import (
    INNER,
    TS,
    batch,
    decode,
    decoder,
    port,
    rows,
)
from tests.unit.operators.stream import pipeline

CPU = {"name": "cpu", "host": "h1", "ts": TS, "fields": {"idle": 90}}
MEM = {"name": "mem", "host": "h1", "ts": TS, "fields": {"used": 40}}


KINDS = """
where: {path: name, equals: cpu}
key: host
time: {path: ts, unit: ms}
values: {idle: fields.idle}
"""


def test_what_the_conditions_do_not_hold_for_is_passed_over_without_a_reject() -> None:
    found = decoder(KINDS)

    events, rejects = found.decode([batch(*[CPU, MEM] * 60)])

    assert len(events) == 60
    assert rejects == []
    assert found.passed_over == {"where": 60}


def test_what_is_wrong_in_a_message_that_is_meant_stays_a_reject() -> None:
    bad = CPU | {"fields": "none"}

    events, rejects = decode(KINDS, CPU, bad, MEM, b"{", CPU)

    assert events.offsets.tolist() == [0, 4]
    assert [(r.offset, r.reason) for r in rejects] == [
        (1, RejectReason.WRONG_TYPE),
        (3, RejectReason.NOT_JSON),
    ]


@pytest.mark.parametrize(
    ("where", "held"),
    [
        ("{path: a, equals: 1}", [1, 1.0]),
        ("{path: a, equals: true}", [True]),
        ('{path: a, equals: "1"}', ["1"]),
        ("{path: a, in: [1, x]}", [1, 1.0, "x"]),
        ("{path: a, exists: true}", [1, 1.0, True, "1", "x", [1], {"b": 2}]),
        ("{path: a, exists: false}", [None]),
        ("{path: a, matches: '^[1x]$'}", [1, "1", "x"]),
        ("{path: a.b, equals: 2}", [{"b": 2}]),
        ("{not: {path: a, exists: true}}", [None]),
        ("{or: [{path: a, equals: x}, {path: a, equals: true}]}", [True, "x"]),
        ("{and: [{path: a, in: [1, x]}, {not: {path: a, equals: x}}]}", [1, 1.0]),
        ("[{path: a, in: [1, x]}, {path: a, matches: x}]", ["x"]),
    ],
)
def test_conditions_hold_for_values_of_their_type(where: str, held: list[Any]) -> None:
    text = f"where: {where}\nkey: s\nvalues: [v]"
    values: list[Any] = [None, 1, 1.0, True, "1", "x", [1], {"b": 2}]

    events, rejects = decode(text, *[{"s": "s", "v": 1, "a": value} for value in values])

    assert rejects == []
    kept = [values[offset] for offset in events.offsets.tolist()]
    assert [(type(v), v) for v in kept] == [(type(v), v) for v in held]


def test_tombstones_are_passed_over_where_the_file_says_so() -> None:
    found = decoder("tombstones: skip\nkey: s\nvalues: [v]")

    events, rejects = found.decode([batch(*[{"s": "a", "v": 1}, None] * 2)])

    assert (len(events), rejects) == (2, [])
    assert found.passed_over == {"tombstone": 2}


def test_what_is_passed_over_is_counted_by_reason() -> None:
    context = RunContext("t")
    mapping = EventSpec.model_validate(read(KINDS, {}).data).mapping()
    step = decode_step(pipeline(mapping=mapping), context)

    step([batch(CPU, MEM)])

    value = context.telemetry.registry.get_sample_value

    assert value("pynomaly_passed_over_total", {"reason": "where"}) == 1


def test_conditions_hold_for_elements_and_for_messages() -> None:
    text = (
        INNER
        + """
where:
  - {path: kind, equals: net}
  - {not: {path: metrics.tags.port, equals: lo}}
"""
    )
    found = decoder(text)
    message = {"kind": "net", "device": "d", "metrics": [port("lo", "x"), port("eth1", 1)]}

    events, rejects = found.decode([batch(message, {"kind": "cpu"}, message)])

    assert rejects == []
    assert rows(events) == [("d/eth1", 1.0)] * 2
    assert found.passed_over["where"] == 3


@pytest.mark.parametrize(
    "other", [{"kind": "hello"}, {"data": {}}, {"data": 7}, {"data": {"m": 7}}]
)
def test_messages_without_the_array_are_passed_over_if_the_file_says_so(other: Any) -> None:
    text = """
explode: data.m
where: {path: data.m.v, exists: true}
key: {const: a}
values: {v: data.m.v}
"""
    found = decoder(text)

    events, rejects = found.decode([batch({"data": {"m": [{"v": 1}, {"v": 2}]}}, other)])

    assert (rows(events), rejects) == ([("a", 1.0), ("a", 2.0)], [])
    assert found.passed_over["where"] == 1


def test_a_message_that_is_meant_is_rejected_without_its_array() -> None:
    text = """
explode: data.m
where: {path: data.kind, equals: net}
key: {const: a}
values: {v: data.m.v}
"""

    _, rejects = decode(text, {"data": {"kind": "net"}}, {"data": {"kind": "cpu"}})

    assert [(reject.offset, reject.detail) for reject in rejects] == [
        (0, "there is nothing at data.m, which is to be exploded")
    ]
