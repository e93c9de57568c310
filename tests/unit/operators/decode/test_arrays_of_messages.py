"""Messages that are arrays of what is exploded, and arrays at a place of an array."""

from __future__ import annotations

import orjson

from engine.domain.reject import RejectReason
from tests.unit.operators.decode.mapping_case import TS, batch, decode, decoder, rows

OMF = """
explode: values
where: {path: kind, equals: wanted}
key: container
time: {path: values.ts, unit: ms}
values: {v: values.v}
"""


def container(name: str, *values: object, kind: str = "wanted") -> dict[str, object]:
    return {"container": name, "kind": kind, "values": [{"ts": TS, "v": v} for v in values]}


def test_each_message_of_an_array_is_exploded() -> None:
    array = [container("a", 1, 2), container("b", 3)]

    events, rejects = decode(OMF, array, container("c", 4))

    assert rows(events) == [("a", 1.0), ("a", 2.0), ("b", 3.0), ("c", 4.0)]
    assert rejects == []
    assert events.offsets.tolist() == [0, 0, 0, 1]
    assert events.indices is not None
    assert events.indices.tolist() == [0, 1, 2, 0]


def test_conditions_hold_for_each_message_of_an_array() -> None:
    found = decoder(OMF)

    events, rejects = found.decode(
        [batch([container("a", 1), container("b", 2, 3, kind="other"), container("c", 4)])]
    )

    assert rows(events) == [("a", 1.0), ("c", 4.0)]
    assert rejects == []
    assert found.passed_over["where"] == 2


def test_an_array_among_messages_of_other_kinds_changes_nothing_for_them() -> None:
    found = decoder(OMF)
    array = [{"kind": "batch"}, container("a", 1)]
    others = [{"kind": "mem"}, {"kind": "log", "values": 7}, {"heartbeat": 1}]

    events, rejects = found.decode([batch(*others, array, container("b", 2))])

    assert (rows(events), rejects) == ([("a", 1.0), ("b", 2.0)], [])
    assert found.passed_over["where"] == 4


def test_messages_without_the_array_are_passed_over_if_its_existence_is_a_condition() -> None:
    found = decoder(OMF.replace("{path: kind, equals: wanted}", "{path: values, exists: true}"))

    events, rejects = found.decode([batch({"kind": "mem"}, [{"kind": "mem"}], container("b", 2))])

    assert (rows(events), rejects) == ([("b", 2.0)], [])
    assert found.passed_over["where"] == 2


def test_a_bad_message_of_an_array_is_rejected_alone() -> None:
    events, rejects = decode(OMF, [container("a", 1), container("b", "high"), container("c", 4)])

    assert rows(events) == [("a", 1.0), ("c", 4.0)]
    assert [(r.reason, r.index) for r in rejects] == [(RejectReason.WRONG_TYPE, 1)]


def test_a_message_of_an_array_without_what_is_exploded_is_rejected_alone() -> None:
    events, (reject,) = decode(OMF, [container("a", 1), {"container": "b", "kind": "wanted"}])

    assert rows(events) == [("a", 1.0)]
    assert (reject.reason, reject.index) == (RejectReason.MISSING_TIME, 1)
    assert reject.detail.startswith("there is nothing at values; the fields are ")


OCPP = """
where: {path: "[2]", equals: MeterValues}
explode: "[3].meterValue"
key: [$message_key, "[3].connector"]
time: {path: "[3].meterValue.ts", unit: ms}
values: {power: "[3].meterValue.v"}
"""


def call(*values: object) -> list[object]:
    points = [{"ts": TS, "v": v} for v in values]
    return [2, "19223201", "MeterValues", {"connector": 1, "meterValue": points}, "not read"]


def test_an_array_below_a_place_of_an_array_is_exploded() -> None:
    found = decoder(OCPP)

    events, rejects = found.decode([batch(call(1, 2), [2, "1", "Heartbeat", {}], call(3))])

    assert rows(events) == [("k/1", 1.0), ("k/1", 2.0), ("k/1", 3.0)]
    assert rejects == []
    assert found.passed_over["where"] == 1


def test_a_rejected_element_below_a_place_becomes_an_event_when_it_is_sent_again() -> None:
    _, (reject,) = decode(OCPP, call(1, "high"))
    assert reject.value is not None
    mended = orjson.loads(reject.value.replace(b'"high"', b"2"))

    events, rejects = decode(OCPP, mended)

    assert (rows(events), rejects) == ([("k/1", 2.0)], [])
