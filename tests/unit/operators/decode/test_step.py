"""Messages become columns or rejects, and all of them are accounted for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.mapping import (
    EventMapping,
    TimeField,
    ValueField,
)
from engine.domain.reject import Reject, RejectReason
from operators.decode.decoder import Decoder
from operators.decode.step import decode_step
from tests.unit.operators.decode.step_case import raw
from tests.unit.operators.stream import MAPPING, pipeline

GOOD = b'{"sensor":"s1","ts":1000,"a":1.5,"b":2}'


def only_reject(value: bytes | None, mapping: EventMapping = MAPPING) -> Reject:
    events, rejects = Decoder(mapping).decode([raw(GOOD, value, GOOD)])
    assert events.offsets.tolist() == [0, 2]
    (reject,) = rejects
    assert (reject.offset, reject.partition, reject.value) == (1, 3, value)
    assert reject.headers == (("h", b"1"),)
    return reject


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, RejectReason.TOMBSTONE),
        (b"", RejectReason.EMPTY),
        (b" \n ", RejectReason.EMPTY),
        (b'{"sensor":"' + b"x" * 2_000_000 + b'"}', RejectReason.TOO_LARGE),
        (b'{"x":' * 50_000 + b"1" + b"}" * 50_000, RejectReason.TOO_DEEP),
        (b'{"sensor":"\xff","ts":1,"a":1}', RejectReason.BAD_UTF8),
        (b"hello", RejectReason.NOT_JSON),
        (b'{"sensor":"s","ts":1,"a":1', RejectReason.NOT_JSON),
        (b"[1,2]", RejectReason.NOT_AN_OBJECT),
        (b"null", RejectReason.NOT_AN_OBJECT),
        (b'{"ts":1,"a":1}', RejectReason.MISSING_KEY),
        (b'{"sensor":null,"ts":1,"a":1}', RejectReason.MISSING_KEY),
        (b'{"sensor":true,"ts":1,"a":1}', RejectReason.WRONG_TYPE),
        (b'{"sensor":"s","a":1}', RejectReason.MISSING_TIME),
        (b'{"sensor":"s","ts":null,"a":1}', RejectReason.MISSING_TIME),
        (b'{"sensor":"s","ts":"noon","a":1}', RejectReason.BAD_TIME),
        (b'{"sensor":"s","ts":1e300,"a":1}', RejectReason.BAD_TIME),
        (b'{"sensor":"s","ts":4102444800000,"a":1}', RejectReason.TIME_IN_FUTURE),
        (b'{"sensor":"s","ts":1}', RejectReason.MISSING_VALUE),
        (b'{"sensor":"s","ts":1,"a":null}', RejectReason.NULL_VALUE),
        (b'{"sensor":"s","ts":1,"a":"1"}', RejectReason.WRONG_TYPE),
        (b'{"sensor":"s","ts":1,"a":[1]}', RejectReason.WRONG_TYPE),
        (b'{"sensor":"s","ts":1,"a":1,"b":"x"}', RejectReason.WRONG_TYPE),
        (b'{"sensor":"s","ts":1,"a":NaN}', RejectReason.NOT_FINITE),
        (b'{"sensor":"s","ts":1,"a":1,"b":Infinity}', RejectReason.NOT_FINITE),
        (b'{"sensor":"s","ts":NaN,"a":1}', RejectReason.BAD_TIME),
        (b'{"sensor":NaN,"ts":1,"a":1}', RejectReason.WRONG_TYPE),
        (b'{"sensor":' + b"7" * 5_000 + b',"ts":1,"a":1}', RejectReason.NOT_FINITE),
        (b'{"sensor":"s","ts":[1],"a":1}', RejectReason.WRONG_TYPE),
        (b'{"sensor":"s","ts":1,"a":1e999}', RejectReason.NOT_FINITE),
        (b'{"sensor":"s","ts":1,"a":1' + b"0" * 400 + b"}", RejectReason.NOT_FINITE),
    ],
)
def test_every_kind_of_bad_input_has_its_reason(value: bytes | None, reason: RejectReason) -> None:
    reject = only_reject(value)

    assert reject.reason is reason
    assert reject.detail


def test_a_detail_names_the_field_and_what_was_found() -> None:
    assert (
        only_reject(b'{"sensor":"s","ts":1,"a":"warm"}').detail
        == "a is 'warm', expected a number: set map or missing for such texts"
    )


def test_good_messages_become_columns() -> None:
    events, rejects = Decoder(MAPPING).decode([raw(GOOD, b'{"sensor":7,"ts":1.5,"a":-2}\n')])

    assert rejects == []
    assert events.keys.tolist() == ["s1", "7"]
    assert events.times.tolist() == [1_000_000_000, 1_500_000]
    assert events.values[0].tolist() == [1.5, 2.0]
    assert events.values[1, 0] == -2.0
    assert np.isnan(events.values[1, 1])
    assert events.partitions.tolist() == [3, 3]


NESTED = EventMapping(
    key=(("site",), ("dev", "id")),
    time=TimeField(("t",), None, "iso8601"),
    values=(
        ValueField("x", ("r", 1, "v")),
        ValueField("y", ("dev", "y"), True),
        ValueField("z", ("maybe", "z"), True),
    ),
)


def nested(**changes: object) -> bytes:
    document = {
        "site": "a",
        "dev": {"id": 5, "y": 2},
        "t": "2026-01-01T00:00:00.5Z",
        "r": [0, {"v": 3}],
    }
    return orjson.dumps(document | changes)


def test_nested_paths_arrays_and_several_keys() -> None:
    events, rejects = Decoder(NESTED).decode([raw(nested(t="1970-01-01T00:00:01.5Z"))])

    assert rejects == []
    assert events.keys.tolist() == ["a/5"]
    assert events.times.tolist() == [1_500_000_000]
    assert events.values[0, :2].tolist() == [3.0, 2.0]
    assert np.isnan(events.values[0, 2])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"r": [0]}, RejectReason.MISSING_VALUE),
        ({"r": [0, 5]}, RejectReason.WRONG_TYPE),
        ({"r": [0, {"v": "x"}]}, RejectReason.WRONG_TYPE),
        ({"r": {"v": 1}}, RejectReason.WRONG_TYPE),
        ({"r": "abc"}, RejectReason.WRONG_TYPE),
        ({"dev": 5}, RejectReason.WRONG_TYPE),
        ({"maybe": 5}, RejectReason.WRONG_TYPE),
        ({"dev": {"y": 1}}, RejectReason.MISSING_KEY),
        ({"t": "yesterday"}, RejectReason.BAD_TIME),
        ({"t": "2026-13-01T00:00:00Z"}, RejectReason.BAD_TIME),
    ],
)
def test_what_lies_on_the_way_is_diagnosed(
    changes: dict[str, object], reason: RejectReason
) -> None:
    good = nested(t="1970-01-01T00:00:01Z")
    changes = {"t": "1970-01-01T00:00:01Z"} | changes
    events, rejects = Decoder(NESTED).decode([raw(good, nested(**changes), good)])

    assert [reject.reason for reject in rejects] == [reason]
    assert events.offsets.tolist() == [0, 2]


def test_true_and_false_are_one_and_zero() -> None:
    events, rejects = Decoder(MAPPING).decode(
        [raw(b'{"sensor":"door","ts":1,"a":true,"b":3.1}', b'{"sensor":"door","ts":1,"a":false}')]
    )

    assert rejects == []
    assert events.values[:, 0].tolist() == [1.0, 0.0]
    assert events.values[0, 1] == 3.1


def test_a_bare_nan_in_an_optional_value_is_a_gap() -> None:
    events, rejects = Decoder(MAPPING).decode(
        [raw(GOOD, b'{"sensor":"s","ts":1,"a":1,"b":NaN,"unread":-Infinity}', GOOD)]
    )

    assert rejects == []
    assert np.isnan(events.values[1, 1])
    assert events.keys.tolist() == ["s1", "s", "s1"]


def test_a_byte_order_mark_is_no_part_of_a_message() -> None:
    events, rejects = Decoder(MAPPING).decode([raw(b"\xef\xbb\xbf" + GOOD, GOOD)])

    assert rejects == []
    assert events.keys.tolist() == ["s1", "s1"]


THROUGH = EventMapping(
    key=(("metrics", 0, "tags", "host"),),
    time=TimeField(("ts",), "ms"),
    values=(ValueField("idle", ("metrics", 0, "fields", "idle")),),
)


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ([], RejectReason.MISSING_KEY),
        ([7], RejectReason.WRONG_TYPE),
        ([None], RejectReason.MISSING_KEY),
        ([{"tags": "none"}], RejectReason.WRONG_TYPE),
        ([{"tags": {"host": "h"}, "fields": [90]}], RejectReason.WRONG_TYPE),
        ([{"tags": {"host": "h"}, "fields": {"idle": "90"}}], RejectReason.WRONG_TYPE),
        ({}, RejectReason.WRONG_TYPE),
        (None, RejectReason.MISSING_KEY),
    ],
)
def test_a_path_through_an_array_of_objects_rejects_each_misfit_once(
    metrics: object, reason: RejectReason
) -> None:
    good = {"ts": 1_000, "metrics": [{"tags": {"host": "web-1"}, "fields": {"idle": 90}}]}
    payloads = [orjson.dumps(m) for m in (good, {"ts": 1_000, "metrics": metrics}, good)]

    events, rejects = Decoder(THROUGH).decode([raw(*payloads)])

    assert events.keys.tolist() == ["web-1", "web-1"]
    assert events.values.tolist() == [[90.0], [90.0]]
    assert [(reject.offset, reject.reason) for reject in rejects] == [(1, reason)]


def test_a_field_may_be_a_number_in_one_message_and_an_object_in_the_next() -> None:
    values = (ValueField("x", ("a",), True), ValueField("y", ("a", "b"), True))
    mapping = EventMapping((("s",),), TimeField(), values)

    events, rejects = Decoder(mapping).decode(
        [raw(b'{"s":"1","a":5}', b'{"s":"1","a":{"b":6}}', b'{"s":"1"}')]
    )

    assert np.isnan(events.values).tolist() == [[True, True]]
    assert [reject.reason for reject in rejects] == [RejectReason.WRONG_TYPE] * 2


def test_the_log_reports_the_first_reject_of_each_reason(caplog) -> None:
    step = decode_step(pipeline(), RunContext("t"))

    step([raw(b"x", b"y", b"[]")])
    step([raw(b"z", GOOD)])

    warnings = [
        record.getMessage() for record in caplog.records if "rejected" in record.getMessage()
    ]

    assert [line.split(":")[0] for line in warnings] == ["rejected t[3]@0", "rejected t[3]@2"]


def test_a_newline_between_fields_does_not_shift_messages() -> None:
    cut = b'{"sensor":"s1",\n"ts":1000,"a":1.5}'
    events, rejects = Decoder(MAPPING).decode([raw(GOOD, cut, GOOD)])

    assert len(events) == 3
    assert rejects == []


def test_two_objects_in_one_message_are_no_event() -> None:
    events, rejects = Decoder(MAPPING).decode([raw(GOOD, GOOD + b"\n" + GOOD, b"")])

    assert len(events) == 1
    assert len(rejects) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["sensor", "ts", "a", "b", "x"]), inner)
    ),
    max_leaves=8,
)


MESSAGES = st.lists(
    st.one_of(
        st.just(GOOD),
        st.none(),
        st.binary(max_size=40),
        JSON.map(
            lambda value: (
                orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) if _fits(value) else b"x"
            )
        ),
        st.binary(max_size=3).map(lambda noise: GOOD[:20] + noise + GOOD[20:]),
    ),
    min_size=1,
    max_size=12,
)


def _fits(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


@given(MESSAGES, st.integers(0, 12))
def test_all_is_accounted_for_however_the_stream_is_cut(
    messages: list[bytes | None], cut: int
) -> None:
    decoder = Decoder(MAPPING)
    whole_events, whole_rejects = decoder.decode([raw(*messages)])

    assert len(whole_events) + len(whole_rejects) == len(messages)
    parts = [raw(*messages[:cut]), raw(*messages[cut:], first=cut)]
    found = [decoder.decode([part]) for part in parts if len(part)]
    assert [o for events, _ in found for o in events.offsets] == whole_events.offsets.tolist()
    assert [t for events, _ in found for t in events.times] == whole_events.times.tolist()
    reasons = [(r.offset, r.reason, r.detail) for _, rejects in found for r in rejects]
    assert reasons == [(r.offset, r.reason, r.detail) for r in whole_rejects]


def test_the_step_counts_rejects_by_reason() -> None:
    context = RunContext("test")
    decode = decode_step(pipeline(), context)
    events, rejects = decode([raw(GOOD, b"x"), raw(b"y", first=2)])

    assert len(events) == 1
    assert len(rejects) == 2
    value = context.telemetry.registry.get_sample_value
    assert value("pynomaly_rejects_total", {"reason": "not_json"}) == 2
    assert decode([raw(GOOD)])[0].keys.tolist() == ["s1"]  # type: ignore[union-attr]
    assert isinstance(decode([raw(b"x")])[0], list)


def test_rejects_leave_by_partition_however_batches_came_together() -> None:
    step = decode_step(pipeline(), RunContext("t"))
    other = replace(raw(b"x", first=5), partition=4)
    found = step([raw(b"a", GOOD), other, raw(b"b", b"c", first=2)])
    rejects = [item for item in found if isinstance(item, list)]

    assert [[(r.partition, r.value) for r in part] for part in rejects] == [
        [(3, b"a")],
        [(4, b"x")],
        [(3, b"b"), (3, b"c")],
    ]
